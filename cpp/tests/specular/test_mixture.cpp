// Coherent mixtures against the amplitudes of their patches, and their derivatives against CppAD.
#include "../../src/specular/mixture.hpp"

#include <algorithm>

#include "amplitudes.hpp"

namespace {

using namespace kiessig_test;
using kiessig::CoherentMixture;
using kiessig::MixtureRows;
using kiessig::Stack;

struct Patches {
  std::vector<Sample> samples;
  Numbers weights, thickness, sld, sld_imag, roughness;
  std::vector<std::ptrdiff_t> layers;

  Patches(check::Random& random, const std::vector<std::size_t>& numbers, Kind kind) {
    for (std::size_t n : numbers) {
      samples.push_back(random_sample(random, n, kind));
      weights.push_back(random.uniform(0.1, 1.0));
      layers.push_back(static_cast<std::ptrdiff_t>(n));
    }
    for (const Sample& s : samples) {
      thickness.insert(thickness.end(), s.thickness.begin(), s.thickness.end());
      sld.insert(sld.end(), s.sld.begin(), s.sld.end());
      sld_imag.insert(sld_imag.end(), s.sld_imag.begin(), s.sld_imag.end());
      roughness.insert(roughness.end(), s.roughness.begin(), s.roughness.end());
    }
  }

  MixtureRows rows() const {
    const bool equal = std::equal(layers.begin() + 1, layers.end(), layers.begin());
    return {static_cast<std::ptrdiff_t>(samples.size()),
            equal ? layers.front() : -1,
            thickness.data(),
            sld.data(),
            sld_imag.data(),
            roughness.data(),
            weights.data(),
            nullptr,
            0,
            equal ? nullptr : layers.data()};
  }
};

// Up to `most` patches with up to six layers, all with the same number of them or each with its own.
std::vector<std::size_t> random_layers(check::Random& random, std::size_t most, bool equal) {
  std::vector<std::size_t> layers(random.integer(1, most), random.integer(0, 6));
  if (!equal) {
    for (std::size_t& n : layers) n = random.integer(0, 6);
  }
  return layers;
}

std::ptrdiff_t length(const Numbers& x) { return static_cast<std::ptrdiff_t>(x.size()); }

}  // namespace

TEST_CASE(mixture_adds_amplitudes) {
  check::Random random(401);
  CoherentMixture mixture;  // reused, as a thread does
  for (int repeat = 0; repeat < 12; ++repeat) {
    const Patches patches(random, random_layers(random, 4, repeat % 4 < 2), {repeat % 2 == 0, true});
    Numbers q = random_q(random, 70);
    q.push_back(0.0);
    for (const bool reversed : {false, true}) {
      check::note("mixture " + std::to_string(repeat) + (reversed ? ", reversed" : ""));
      mixture.assign(patches.rows(), reversed);
      CHECK(mixture.reversed() == reversed);
      Numbers r(q.size()), re(q.size()), im(q.size());
      mixture.values(q.data(), length(q), r.data());
      mixture.amplitudes(q.data(), length(q), re.data(), im.data());
      Numbers sum_re(q.size(), 0.0), sum_im(q.size(), 0.0);
      for (std::size_t p = 0; p < patches.samples.size(); ++p) {
        Sample s = reversed ? turned_over(patches.samples[p]) : patches.samples[p];
        s.q = q;
        const auto v = amplitude_of(s);
        for (std::size_t i = 0; i < q.size(); ++i) {
          sum_re[i] += patches.weights[p] * v[i].real();
          sum_im[i] += patches.weights[p] * v[i].imag();
        }
      }
      for (std::size_t i = 0; i < q.size(); ++i) {
        // the same numbers, added in the same order; products may be contracted in one of the two
        CHECK_NEAR(re[i], sum_re[i], 16 * k_epsilon);
        CHECK_NEAR(im[i], sum_im[i], 16 * k_epsilon);
        CHECK_NEAR(r[i], re[i] * re[i] + im[i] * im[i], 4 * k_epsilon * r[i]);
      }
    }
  }
}

TEST_CASE(mixture_of_one_patch_is_the_stack) {
  check::Random random(402);
  Patches patches(random, {5}, {true, true});
  patches.weights[0] = 1.0;
  const Numbers q = random_q(random, 100);
  CoherentMixture mixture;
  mixture.assign(patches.rows(), false);
  Stack stack;
  stack.assign(rows_of(patches.samples[0]), false);
  const std::ptrdiff_t entries = stack.layout().size();
  CHECK(mixture.entries() == entries + 1);
  Numbers r(q.size()), expected_r(q.size());
  mixture.values(q.data(), length(q), r.data());
  stack.values(q.data(), length(q), expected_r.data());
  CHECK(r == expected_r);
  Numbers rows(q.size() * static_cast<std::size_t>(entries + 1)), dq(q.size());
  Numbers expected(q.size() * static_cast<std::size_t>(entries)), expected_dq(q.size());
  mixture.jacobian(q.data(), length(q), r.data(), rows.data(), mixture.entries(), dq.data());
  stack.jacobian(q.data(), length(q), expected_r.data(), expected.data(), entries, expected_dq.data());
  for (std::size_t i = 0; i < q.size(); ++i) {
    const double* row = rows.data() + i * static_cast<std::size_t>(entries + 1);
    const double* theirs = expected.data() + i * static_cast<std::size_t>(entries);
    const double most = largest(theirs, static_cast<std::size_t>(entries));
    // the reverse sweep starts from an amplitude that was computed without divisions, one rounding away
    for (std::ptrdiff_t e = 0; e < entries; ++e) CHECK_NEAR(row[e], theirs[e], 1e-11 * most);
    CHECK_NEAR(row[entries], 2.0 * r[i], 4 * k_epsilon * r[i]);  // dR/dw at w = 1
  }
}

TEST_CASE(mixture_derivatives) {
  check::Random random(403);
  for (int repeat = 0; repeat < 12; ++repeat) {
    const std::vector<std::size_t> layers = random_layers(random, 3, repeat % 4 < 2);
    const Patches patches(random, layers, {repeat % 2 == 0, repeat % 3 != 0});
    const std::size_t count = layers.size(), m = repeat == 0 ? 150 : 10;
    std::vector<std::size_t> row{0};  // where those of each patch begin
    for (std::size_t n : layers) row.push_back(row.back() + row_size(n));
    const Numbers q = plain_q(random, m);
    CoherentMixture mixture;
    mixture.assign(patches.rows(), false);
    const std::size_t entries = static_cast<std::size_t>(mixture.entries());
    CHECK(entries == row[count] + count);
    Numbers r(m), rows(m * entries), dq(m);
    mixture.jacobian(q.data(), length(q), r.data(), rows.data(), mixture.entries(), dq.data());
    for (std::size_t i = 0; i < m; ++i) {
      check::note("mixture " + std::to_string(repeat) + ", q = " + std::to_string(q[i]));
      std::vector<Active> x;
      for (const Sample& s : patches.samples) append_row(s, x);
      x.insert(x.end(), patches.weights.begin(), patches.weights.end());
      x.push_back(q[i]);
      CppAD::Independent(x);
      oracle::Complex<Active> v{Active(0.0), Active(0.0)};
      for (std::size_t p = 0; p < count; ++p) {
        v = v + x[row[count] + p] * oracle::amplitude(stack_of_row(x, row[p], layers[p]), x.back());
      }
      const Recorded expected = differentiate(x, {norm(v), v.re, v.im});
      CHECK_NEAR(r[i], expected.values[0], 1e-13 * std::sqrt(r[i]));
      const double modulus = std::sqrt(expected.values[0]);
      const auto compare = [&](std::size_t first, std::size_t size, const double* ours) {
        double most = 0.0;
        for (std::size_t e = first; e < first + size; ++e) {
          most = std::max(most, 2.0 * modulus * std::hypot(expected.rows[1][e], expected.rows[2][e]));
        }
        for (std::size_t e = 0; e < size; ++e) CHECK_NEAR(ours[e], expected.rows[0][first + e], 1e-11 * most);
      };
      for (std::size_t p = 0; p < count; ++p) {
        const std::size_t n = layers[p], first = row[p];
        const double* ours = rows.data() + i * entries + first;
        compare(first, n, ours);
        compare(first + n, n + 2, ours + n);
        compare(first + 2 * n + 2, n + 1, ours + 2 * n + 2);
        compare(first + 3 * n + 3, n + 2, ours + 3 * n + 3);
      }
      compare(row[count], count, rows.data() + i * entries + row[count]);
      compare(entries, 1, dq.data() + i);
    }
  }
}

TEST_CASE(mixture_products) {
  check::Random random(404);
  const Patches patches(random, {4, 0, 2}, {true, true});
  Numbers q = random_q(random, 170);
  q[5] = 0.0;
  CoherentMixture mixture;
  mixture.assign(patches.rows(), true);
  const std::size_t m = q.size(), entries = static_cast<std::size_t>(mixture.entries());
  Numbers r(m), rows(m * entries), dq(m), cotangent, tangent, tangent_q;
  for (std::size_t i = 0; i < m; ++i) cotangent.push_back(random.uniform(-1.0, 1.0));
  for (std::size_t i = 0; i < m; ++i) tangent_q.push_back(random.uniform(-1e-3, 1e-3));
  for (std::size_t e = 0; e < entries; ++e) tangent.push_back(random.uniform(-1.0, 1.0));
  mixture.jacobian(q.data(), length(q), r.data(), rows.data(), mixture.entries(), dq.data());

  Numbers other_r(m), gradient(entries, 7.0), gradient_q(m), dr(m);
  mixture.vjp(q.data(), length(q), cotangent.data(), other_r.data(), gradient.data(), gradient_q.data());
  CHECK(other_r == r);
  for (std::size_t e = 0; e < entries; ++e) {
    double expected = 7.0, size = 7.0;  // what was there is added to
    for (std::size_t i = 0; i < m; ++i) {
      expected += cotangent[i] * rows[i * entries + e];
      size += std::abs(cotangent[i] * rows[i * entries + e]);
    }
    CHECK_NEAR(gradient[e], expected, 1e-12 * size);
  }
  mixture.jvp(q.data(), length(q), tangent.data(), tangent_q.data(), other_r.data(), dr.data());
  CHECK(other_r == r);
  for (std::size_t i = 0; i < m; ++i) {
    double expected = tangent_q[i] * dq[i], size = std::abs(expected);
    for (std::size_t e = 0; e < entries; ++e) {
      expected += tangent[e] * rows[i * entries + e];
      size += std::abs(tangent[e] * rows[i * entries + e]);
    }
    CHECK_NEAR(dr[i], expected, 1e-13 * size);
    CHECK_NEAR(gradient_q[i], cotangent[i] * dq[i], 1e-11 * (std::abs(dq[i]) + 1.0));
  }
}

// A patch that begins deeper, behind a layer of the fronting's medium, interferes with its neighbours' by its depth.
TEST_CASE(mixture_knows_heights) {
  const double height = 130.0, sld = 2.07;
  const Numbers thickness{0.0, height}, slds{0.0, 0.0, sld, 0.0, 0.0, sld}, zeros(6, 0.0), weights{0.5, 0.5};
  CoherentMixture mixture;
  mixture.assign({2, 1, thickness.data(), slds.data(), zeros.data(), zeros.data(), weights.data()}, false);
  const Numbers slab{0.0, sld};
  Stack plain;
  plain.assign({0, thickness.data(), slab.data(), zeros.data(), zeros.data()}, false);
  for (const double q : {0.02, 0.05, 0.11}) {
    double r, bare;
    mixture.values(&q, 1, &r);
    plain.values(&q, 1, &bare);
    const double c = std::cos(0.5 * q * height);
    CHECK_NEAR(r, bare * c * c, 1e-14);  // a phase of 10 rad at most
  }
}

TEST_CASE(mixture_tells_smearing_what_it_needs) {
  check::Random random(405);
  Patches patches(random, {3, 3}, {false, true});
  patches.sld[4] = patches.samples[0].sld[4] = 8.0;  // one backing with an edge and one without
  patches.sld[9] = patches.samples[1].sld[4] = -2.0;
  CoherentMixture mixture;
  mixture.assign(patches.rows(), false);
  kiessig::Reflector& reflector = mixture;
  CHECK(reflector.n_amplitudes() == 1);
  std::vector<double> edges{0.5};
  reflector.edges(edges);
  std::vector<double> expected{0.5};
  for (const Sample& s : patches.samples) {
    if (s.sld.back() > s.sld.front()) expected.push_back(2.0 * std::sqrt(k_four_pi * (s.sld.back() - s.sld.front())));
  }
  CHECK(edges.size() == expected.size() && expected.size() == 2);
  for (std::size_t i = 0; i < edges.size(); ++i) CHECK_NEAR(edges[i], expected[i], 1e-15);
  // far above all edges the phase 2 k d grows by the thickness
  double most = 0.0;
  for (const Sample& s : patches.samples) {
    double total = 0.0;
    for (double d : s.thickness) total += d;
    most = std::max(most, total);
  }
  CHECK_NEAR(reflector.fringe_frequency(5.0), most, 1e-3 * most);
}
