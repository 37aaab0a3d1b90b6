// What the public functions promise about each other: products with the Jacobian, batches, strides, threads.
#include "sample.hpp"

namespace {

using namespace kiessig_test;
using kiessig::Rows;
using kiessig::SpecularBatch;
using kiessig::SpecularFields;

// Points on both sides, sharp and smeared, more than two of the library's blocks of 256 and no multiple of a vector.
Sample mixed_sample(check::Random& random, std::size_t layers, std::size_t points) {
  Sample s = random_sample(random, layers, {true, true});
  s.q = random_q(random, points);
  for (std::size_t i = 0; i < points; ++i) {
    if (random.chance(0.3)) s.q[i] = -s.q[i];
    s.dq.push_back(random.chance(0.5) ? 0.0 : random.uniform(0.005, 0.05) * std::abs(s.q[i]));
  }
  return s;
}

// Points that the library takes as they come: sharp, from the front, without gaps between them.
Sample plain_sample(check::Random& random, std::size_t layers, std::size_t points) {
  Sample s = random_sample(random, layers, {random.chance(0.5), true});
  s.q = random_q(random, points);
  return s;
}

// Several samples of one shape as one batch. `gap` unused numbers (NaN) follow every row.
class Batch {
 public:
  explicit Batch(const std::vector<Sample>& samples, std::size_t gap = 0) : samples_(samples), gap_(gap) {
    batch_ = batch_of(samples.front());
    batch_.n_batch = static_cast<std::ptrdiff_t>(samples.size());
    batch_.thickness = pack([](const Sample& s) { return s.thickness; });
    batch_.sld = pack([](const Sample& s) { return s.sld; });
    batch_.sld_imag = pack([](const Sample& s) { return s.sld_imag; });
    batch_.roughness = pack([](const Sample& s) { return s.roughness; });
    batch_.q = pack([](const Sample& s) { return s.q; });
    if (!samples.front().dq.empty()) batch_.dq = pack([](const Sample& s) { return s.dq; });
    batch_.scale = pack([](const Sample& s) { return Numbers{s.scale}; });
    batch_.background = pack([](const Sample& s) { return Numbers{s.background}; });
  }

  SpecularBatch& operator*() { return batch_; }

 private:
  template <class Member>
  Rows pack(const Member& member) {
    auto& packed = storage_.emplace_back(std::make_unique<Numbers>());
    for (const Sample& s : samples_) {
      const Numbers row = member(s);
      packed->insert(packed->end(), row.begin(), row.end());
      packed->insert(packed->end(), gap_, std::numeric_limits<double>::quiet_NaN());
    }
    return {packed->data(), static_cast<std::ptrdiff_t>(packed->size() / samples_.size())};
  }

  std::vector<Sample> samples_;
  std::size_t gap_;
  std::vector<std::unique_ptr<Numbers>> storage_;
  SpecularBatch batch_;
};

using MakeSample = Sample (*)(check::Random&, std::size_t layers, std::size_t points);

std::vector<Sample> samples_of(MakeSample make, check::Random& random, std::size_t count, std::size_t layers,
                               std::size_t points) {
  std::vector<Sample> samples;
  for (std::size_t b = 0; b < count; ++b) samples.push_back(make(random, layers, points));
  return samples;
}

// Everything that the library computes for a batch.
struct Outputs {
  Numbers r, amplitude, vjp_r, jvp_r, dr;
  Jacobian jacobian;
  Fields gradient;
  std::size_t layers, points, elements;

  Outputs(const SpecularBatch& batch, const Rows& cotangent, const SpecularFields<Rows>& tangents)
      : jacobian(static_cast<std::size_t>(batch.n_batch * batch.n_q), static_cast<std::size_t>(batch.n_layers)),
        gradient(static_cast<std::size_t>(batch.n_batch), static_cast<std::size_t>(batch.n_layers),
                 static_cast<std::size_t>(batch.n_batch * batch.n_q), static_cast<std::size_t>(batch.n_batch)),
        layers(static_cast<std::size_t>(batch.n_layers)),
        points(static_cast<std::size_t>(batch.n_q)),
        elements(static_cast<std::size_t>(batch.n_batch)) {
    const std::size_t all = elements * points;
    r.resize(all);
    vjp_r.resize(all);
    jvp_r.resize(all);
    dr.resize(all);
    std::vector<std::complex<double>> v(all);
    kiessig::reflectivity(batch, r.data());
    kiessig::amplitude(batch, v.data());
    kiessig::reflectivity_jacobian(batch, jacobian.r.data(), jacobian.pointers());
    kiessig::reflectivity_vjp(batch, cotangent, vjp_r.data(), gradient.pointers());
    kiessig::reflectivity_jvp(batch, tangents, jvp_r.data(), dr.data());
    for (const auto& entry : v) amplitude.insert(amplitude.end(), {entry.real(), entry.imag()});
  }

  std::vector<std::pair<std::string, const Numbers*>> named() const {
    std::vector<std::pair<std::string, const Numbers*>> all{{"reflectivity", &r}, {"amplitude", &amplitude},
                                                            {"vjp r", &vjp_r},    {"jvp r", &jvp_r},
                                                            {"jvp dr", &dr},      {"jacobian r", &jacobian.r}};
    for (const auto& [name, values] : jacobian.named()) all.emplace_back(std::string("jacobian ") + name, values);
    for (const auto& [name, values] : gradient.named()) all.emplace_back(std::string("gradient ") + name, values);
    return all;
  }
};

// Bit for bit.
void check_same(const Outputs& a, const Outputs& b, const std::string& what) {
  const auto of_a = a.named();
  const auto of_b = b.named();
  for (std::size_t f = 0; f < of_a.size(); ++f) {
    check::note(what + ", " + of_a[f].first);
    CHECK(*of_a[f].second == *of_b[f].second);
  }
}

Numbers random_numbers(check::Random& random, std::size_t count) {
  Numbers values;
  for (std::size_t i = 0; i < count; ++i) values.push_back(random.uniform(-1.0, 1.0));
  return values;
}

// A tangent for every input of `count` samples, scaled like the inputs are.
struct Tangents {
  Fields fields;
  std::ptrdiff_t layers, points;

  Tangents(check::Random& random, std::size_t count, std::size_t n, std::size_t m)
      : fields(count, n, count * m, count),
        layers(static_cast<std::ptrdiff_t>(n)),
        points(static_cast<std::ptrdiff_t>(m)) {
    for (Numbers* f : {&fields.thickness, &fields.sld, &fields.sld_imag, &fields.roughness, &fields.scale}) {
      *f = random_numbers(random, f->size());
    }
    for (Numbers* f : {&fields.q, &fields.dq, &fields.background}) {
      *f = random_numbers(random, f->size());
      for (double& x : *f) x *= 1e-3;
    }
  }

  SpecularFields<Rows> rows(std::size_t first = 0) const {
    const auto at = [&](const Numbers& values, std::ptrdiff_t stride) {
      return Rows{values.data() + static_cast<std::ptrdiff_t>(first) * stride, stride};
    };
    return {at(fields.thickness, layers),     at(fields.sld, layers + 2), at(fields.sld_imag, layers + 2),
            at(fields.roughness, layers + 1), at(fields.q, points),       at(fields.scale, 1),
            at(fields.background, 1),         at(fields.dq, points)};
  }
};

}  // namespace

TEST_CASE(products_with_the_jacobian) {
  constexpr std::size_t n = 5, m = 601, count = 2;
  check::Random random(21);
  Batch batch(samples_of(mixed_sample, random, count, n, m));
  const Numbers cotangent = random_numbers(random, count * m);
  const Tangents tangents(random, count, n, m);
  const Outputs out(*batch, {cotangent.data(), m}, tangents.rows());
  const Jacobian& j = out.jacobian;
  const Fields& t = tangents.fields;

  // All three run the same sweep, but the cotangent enters it at its start and rounds differently from there on: some
  // 50 roundings of every term that is summed, ten times as much next to a critical edge.
  const auto allowed = [](double terms) { return 512 * k_epsilon * terms; };
  for (std::size_t b = 0; b < count; ++b) {
    check::note("element " + std::to_string(b));
    const auto column = [&](const Numbers& jacobian, std::size_t length, std::size_t e, double& size) {
      double total = 0.0;
      size = 0.0;
      for (std::size_t i = b * m; i < (b + 1) * m; ++i) {
        const double term = cotangent[i] * jacobian[i * length + e];
        total += term;
        size += std::abs(term);
      }
      return total;
    };
    const auto compare = [&](const Numbers& gradient, const Numbers& jacobian, std::size_t length) {
      for (std::size_t e = 0; e < length; ++e) {
        double size = 0.0;
        const double expected = column(jacobian, length, e, size);
        CHECK_NEAR(gradient[b * length + e], expected, allowed(size));
        CHECK(size > 0.0 || (&gradient == &out.gradient.sld_imag));
      }
    };
    compare(out.gradient.thickness, j.thickness, n);
    compare(out.gradient.sld, j.sld, n + 2);
    compare(out.gradient.sld_imag, j.sld_imag, n + 2);
    compare(out.gradient.roughness, j.roughness, n + 1);
    compare(out.gradient.scale, j.scale, 1);
    compare(out.gradient.background, j.background, 1);
  }
  for (std::size_t i = 0; i < count * m; ++i) {
    check::note("point " + std::to_string(i));
    const std::size_t b = i / m;
    // dR/dQ of a sharp point is itself a sum over the media, Q/2 dR/dk_j^2 each, that may cancel
    const double half_q = 0.5 * std::abs((*batch).q.row(static_cast<std::ptrdiff_t>(b))[i % m]);
    double media = std::abs(j.q[i]);
    for (std::size_t e = 0; e < n + 2; ++e) media += half_q / k_four_pi * std::abs(j.sld[i * (n + 2) + e]);
    CHECK_NEAR(out.gradient.q[i], cotangent[i] * j.q[i], allowed(media));
    CHECK_NEAR(out.gradient.dq[i], cotangent[i] * j.dq[i], allowed(std::abs(j.dq[i])));
    double total = 0.0, size = 0.0;
    const auto add = [&](const Numbers& jacobian, const Numbers& tangent, std::size_t length, std::size_t row) {
      for (std::size_t e = 0; e < length; ++e) {
        const double term = jacobian[i * length + e] * tangent[row * length + e];
        total += term;
        size += std::abs(term);
      }
    };
    add(j.thickness, t.thickness, n, b);
    add(j.sld, t.sld, n + 2, b);
    add(j.sld_imag, t.sld_imag, n + 2, b);
    add(j.roughness, t.roughness, n + 1, b);
    add(j.scale, t.scale, 1, b);
    add(j.background, t.background, 1, b);
    add(j.q, t.q, 1, i);
    add(j.dq, t.dq, 1, i);
    CHECK_NEAR(out.dr[i], total, allowed(size));
  }
}

TEST_CASE(contraction_of_a_jacobian) {
  constexpr std::size_t n = 4;
  check::Random random(27);
  for (std::size_t m : {1u, 7u, 8u, 9u, 16u, 29u}) {
    check::note(std::to_string(m) + " points");
    const Sample s = mixed_sample(random, n, m);
    const Numbers weights = random_numbers(random, m);
    const Jacobian j = jacobian_of(s);
    Fields expected(1, n, m, 1), found(1, n, m, 1);
    Numbers r(m);
    kiessig::reflectivity_vjp(batch_of(s), {weights.data(), 0}, r.data(), expected.pointers());
    const SpecularFields<const double*> fields{j.thickness.data(),  j.sld.data(), j.sld_imag.data(),
                                               j.roughness.data(),  j.q.data(),   j.scale.data(),
                                               j.background.data(), j.dq.data()};
    kiessig::contract_jacobian(fields, weights.data(), m, n, found.pointers());
    const auto of_found = found.named(), of_expected = expected.named(), of_jacobian = j.named();
    for (std::size_t f = 0; f < of_found.size(); ++f) {
      check::note(std::to_string(m) + " points, " + of_found[f].first);
      const Numbers& values = *of_found[f].second;
      // the same sum of the same terms, whose roundings products_with_the_jacobian explains
      const double size =
          largest(of_jacobian[f].second->data(), of_jacobian[f].second->size()) * static_cast<double>(m);
      for (std::size_t e = 0; e < values.size(); ++e) {
        CHECK_NEAR(values[e], (*of_expected[f].second)[e], 512 * k_epsilon * size);
      }
    }

    Numbers sld(n + 2, 3.0);  // fields that one side lacks are left alone
    kiessig::contract_jacobian({nullptr, nullptr, j.sld_imag.data()}, weights.data(), m, n, {nullptr, sld.data()});
    CHECK(sld == Numbers(n + 2, 3.0));
  }
}

TEST_CASE(products_agree_on_values) {
  constexpr std::size_t n = 7, m = 300;
  check::Random random(22);
  Sample s = mixed_sample(random, n, m);
  const Numbers cotangent = random_numbers(random, m);
  const Tangents tangents(random, 1, n, m);
  const Outputs out(batch_of(s), {cotangent.data(), 0}, tangents.rows());
  Sample sharp = s;
  sharp.dq.clear();
  const Numbers r = reflectivity_of(sharp);
  for (std::size_t i = 0; i < m; ++i) {
    check::note("point " + std::to_string(i));
    // The value alone is computed without divisions, and phases of up to 200 carry their rounding into R.
    const double allowed = 1e-12 * out.r[i];
    CHECK_NEAR(out.jacobian.r[i], out.r[i], allowed);
    CHECK_NEAR(out.vjp_r[i], out.r[i], allowed);
    CHECK_NEAR(out.jvp_r[i], out.r[i], allowed);
    CHECK_NEAR(s.scale * out.jacobian.scale[i] + s.background, out.r[i], allowed);
    CHECK(out.jacobian.background[i] == 1.0);
    // amplitudes know no resolution, scale and background
    const double square =
        out.amplitude[2 * i] * out.amplitude[2 * i] + out.amplitude[2 * i + 1] * out.amplitude[2 * i + 1];
    CHECK_NEAR(s.scale * square + s.background, r[i], 8 * k_epsilon * r[i]);
    if (s.dq[i] == 0.0) CHECK(out.r[i] == r[i] && out.jacobian.dq[i] == 0.0);
    if (s.dq[i] > 0.0) CHECK(out.r[i] != r[i] && out.jacobian.dq[i] != 0.0);
  }
}

TEST_CASE(products_skip_what_is_not_asked_for) {
  constexpr std::size_t n = 3, m = 40;
  check::Random random(23);
  const Sample s = mixed_sample(random, n, m);
  const Jacobian all = jacobian_of(s);
  const Numbers cotangent(m, 1.0);
  Numbers r(m), dr(m);
  kiessig::reflectivity_jacobian(batch_of(s), r.data(), {});
  CHECK(r == all.r);
  kiessig::reflectivity_vjp(batch_of(s), {cotangent.data(), 0}, r.data(), {});
  Numbers sld(m * (n + 2));
  SpecularFields<double*> only_sld;
  only_sld.sld = sld.data();
  kiessig::reflectivity_jacobian(batch_of(s), r.data(), only_sld);
  CHECK(sld == all.sld);
  kiessig::reflectivity_jvp(batch_of(s), {}, r.data(), dr.data());
  CHECK(dr == Numbers(m, 0.0));
  const Numbers one(m, 1.0);
  SpecularFields<Rows> only_q;
  only_q.q = {one.data(), 0};
  kiessig::reflectivity_jvp(batch_of(s), only_q, r.data(), dr.data());
  for (std::size_t i = 0; i < m; ++i) CHECK_NEAR(dr[i], all.q[i], 32 * k_epsilon * std::abs(all.q[i]));
}

TEST_CASE(products_misfit_is_its_sum_and_the_gradient_of_it) {
  constexpr std::size_t n = 4, m = 301;
  check::Random random(27);
  for (const MakeSample make : {mixed_sample, plain_sample}) {
    const Sample s = make(random, n, m);
    Numbers model(m), measured(m), dr(m), slope(m), r(m);
    kiessig::reflectivity(batch_of(s), model.data());
    for (const bool logarithm : {false, true}) {
      double wanted = 0.0;
      for (std::size_t i = 0; i < m; ++i) {
        measured[i] = std::abs(model[i]) * random.uniform(0.5, 2.0) + 1e-9;
        dr[i] = 0.1 * measured[i];
        const double residual = logarithm ? std::log(model[i] / measured[i]) : (model[i] - measured[i]) / dr[i];
        slope[i] = 2.0 * residual / (logarithm ? model[i] : dr[i]);
        wanted += residual * residual;
      }
      Numbers expected(n + 1), found(n + 1);
      SpecularFields<double*> fields;
      fields.roughness = expected.data();
      kiessig::reflectivity_vjp(batch_of(s), {slope.data(), 0}, r.data(), fields);
      fields.roughness = found.data();
      double misfit = 0.0;
      kiessig::reflectivity_misfit(batch_of(s), {{measured.data(), 0}, {dr.data(), 0}, logarithm}, &misfit, fields);
      CHECK_NEAR(misfit, wanted, 1e-12 * wanted);  // a sum of m terms
      double largest = 0.0;
      for (const double x : expected) largest = std::max(largest, std::abs(x));
      // the value and the sweep with derivatives differ by some 1e-12 next to inner edges
      for (std::size_t j = 0; j <= n; ++j) CHECK_NEAR(found[j], expected[j], 1e-9 * largest);
    }
  }
}

TEST_CASE(products_batch_element_is_its_own_call) {
  constexpr std::size_t n = 4, m = 270, count = 3;
  check::Random random(24);
  for (const MakeSample make : {mixed_sample, plain_sample}) {
    const std::vector<Sample> samples = samples_of(make, random, count, n, m);
    const Numbers cotangent = random_numbers(random, count * m);
    const Tangents tangents(random, count, n, m);
    Batch batch(samples);
    Batch apart(samples, 3);
    const Outputs together(*batch, {cotangent.data(), m}, tangents.rows());
    const Outputs strided(*apart, {cotangent.data(), m}, tangents.rows());
    check_same(together, strided, "with gaps");
    for (std::size_t b = 0; b < count; ++b) {
      const Outputs single(batch_of(samples[b]), {cotangent.data() + b * m, 0}, tangents.rows(b));
      const auto parts = single.named();
      const auto wholes = together.named();
      for (std::size_t f = 0; f < parts.size(); ++f) {
        check::note("element " + std::to_string(b) + ", " + parts[f].first);
        const Numbers* values = parts[f].second;
        const Numbers& all = *wholes[f].second;
        CHECK(all.size() == count * values->size());
        CHECK(
            std::equal(values->begin(), values->end(), all.begin() + static_cast<std::ptrdiff_t>(b * values->size())));
      }
    }
  }
}

TEST_CASE(products_stride_zero_repeats_a_row) {
  constexpr std::size_t n = 3, m = 50, count = 3;
  check::Random random(25);
  std::vector<Sample> samples(count, mixed_sample(random, n, m));
  for (Sample& s : samples) s.sld = random_sample(random, n, {true, true}).sld;  // all else is shared
  const Numbers cotangent = random_numbers(random, m);
  Numbers cotangents;
  for (std::size_t b = 0; b < count; ++b) cotangents.insert(cotangents.end(), cotangent.begin(), cotangent.end());
  const Tangents tangents(random, count, n, m);
  Batch full(samples);
  Batch shared(samples);
  for (Rows* rows : {&(*shared).thickness, &(*shared).sld_imag, &(*shared).roughness, &(*shared).q, &(*shared).dq,
                     &(*shared).scale, &(*shared).background}) {
    rows->stride = 0;
  }
  const Outputs expected(*full, {cotangents.data(), m}, tangents.rows());
  const Outputs actual(*shared, {cotangent.data(), 0}, tangents.rows());
  check_same(expected, actual, "stride 0");
}

TEST_CASE(products_do_not_depend_on_threads) {
  constexpr std::size_t n = 6, m = 1100, count = 2;
  check::Random random(26);
  for (const MakeSample make : {mixed_sample, plain_sample}) {
    Batch batch(samples_of(make, random, count, n, m));
    const Numbers cotangent = random_numbers(random, count * m);
    const Tangents tangents(random, count, n, m);
    (*batch).threads = 1;
    const Outputs one(*batch, {cotangent.data(), m}, tangents.rows());
    for (const int threads : {0, 2, 3, 64}) {
      (*batch).threads = threads;
      const Outputs several(*batch, {cotangent.data(), m}, tangents.rows());
      check_same(one, several, std::to_string(threads) + " threads");
    }
  }
}

// Sharp points do not know of their neighbours, whatever lane of a vector they fall into.
TEST_CASE(products_point_is_its_own_call) {
  check::Random random(27);
  Sample s = random_sample(random, 6, {true, true});
  s.q = random_q(random, 37);
  s.q[5] = 0.0;
  const Jacobian all = jacobian_of(s);
  for (std::size_t i = 0; i < s.q.size(); ++i) {
    check::note("point " + std::to_string(i));
    Sample one = s;
    one.q = {s.q[i]};
    const Jacobian single = jacobian_of(one);
    CHECK(single.r[0] == all.r[i]);
    CHECK(single.q[0] == all.q[i]);
    CHECK(std::equal(single.sld.begin(), single.sld.end(), all.sld.data() + i * single.sld.size()));
    CHECK(std::equal(single.thickness.begin(), single.thickness.end(),
                     all.thickness.data() + i * single.thickness.size()));
  }
}

// Without absorption, points above all critical edges run in real arithmetic when their whole vector does.
TEST_CASE(products_point_in_other_company) {
  check::Random random(28);
  Sample s = random_sample(random, 6, {false, true});
  for (int i = 0; i < 64; ++i) s.q.push_back(i % 3 == 0 ? random.uniform(0.004, 0.012) : random.uniform(0.03, 0.2));
  const Jacobian mixed = jacobian_of(s);
  const Numbers r = reflectivity_of(s);
  for (std::size_t i = 0; i < s.q.size(); ++i) {
    check::note("q = " + std::to_string(s.q[i]));
    Sample one = s;
    one.q = {s.q[i]};
    const Jacobian single = jacobian_of(one);
    // the same formulas with phases of up to 100, rounded differently
    CHECK_NEAR(single.r[0], mixed.r[i], 1e-12 * mixed.r[i]);
    CHECK_NEAR(reflectivity_of(one)[0], r[i], 1e-12 * r[i]);
    if (s.q[i] < 0.03) continue;
    const auto same = [&](const Numbers& a, const Numbers& b) {
      const double* row = b.data() + i * a.size();
      for (std::size_t e = 0; e < a.size(); ++e) CHECK_NEAR(a[e], row[e], 1e-10 * largest(row, a.size()));
    };
    same(single.thickness, mixed.thickness);
    same(single.sld, mixed.sld);
    same(single.sld_imag, mixed.sld_imag);
    same(single.roughness, mixed.roughness);
    same(single.q, mixed.q);
  }
}

TEST_CASE(products_of_nothing) {
  Sample s;
  s.sld = {0.0, 2.0};
  s.sld_imag = {0.0, 0.0};
  s.roughness = {0.0};
  CHECK(reflectivity_of(s).empty());  // no Q
  s.q = {0.1};
  kiessig::SpecularBatch none = batch_of(s);
  none.n_batch = 0;
  kiessig::reflectivity(none, nullptr);
  kiessig::reflectivity_vjp(none, {}, nullptr, {});
  Numbers gradient(2, 7.0);
  SpecularFields<double*> fields;
  fields.sld = gradient.data();
  none = batch_of(s);
  none.n_q = 0;
  kiessig::reflectivity_vjp(none, {gradient.data(), 0}, nullptr, fields);
  CHECK(gradient == Numbers(2, 0.0));  // an empty sum
}
