// Uniform, triangular and tabulated resolutions, and smearing by a matrix: against closed forms and by brute force.
#include <algorithm>
#include <cmath>

#include "../../src/resolution/smearing.hpp"
#include "../specular/sample.hpp"

namespace {

using namespace kiessig_test;

constexpr double k_pi = 3.14159265358979323846;

// Curves whose smeared form is known: R_a = (b + c_a cos(f_a q / 2))^2 for each amplitude a.
class Waves : public kiessig::Reflector {
 public:
  Numbers height, frequency;
  double floor = 0.0;

  Waves(Numbers c, Numbers f, double b) : height(std::move(c)), frequency(std::move(f)), floor(b) {}

  std::ptrdiff_t n_amplitudes() const override { return static_cast<std::ptrdiff_t>(height.size()); }
  void amplitudes(const double* q, std::ptrdiff_t m, double* re, double* im) override {
    for (std::size_t a = 0; a < height.size(); ++a) {
      for (std::ptrdiff_t i = 0; i < m; ++i) {
        *re++ = floor + height[a] * std::cos(0.5 * frequency[a] * q[i]);
        *im++ = 0.0;
      }
    }
  }
  double fringe_frequency(double) const override { return *std::max_element(frequency.begin(), frequency.end()); }
  void edges(std::vector<double>&) const override {}
};

// The Fourier transform of a density with unit width, and its derivative.
struct Transform {
  double value, slope;
};

Transform uniform_transform(double t) {
  const double x = std::sqrt(3.0) * t;
  return {std::sin(x) / x, (std::cos(x) - std::sin(x) / x) / t};
}

Transform triangular_transform(double t) {
  const double x = std::sqrt(6.0) * t / 2.0;
  const double s = std::sin(x) / x;
  return {s * s, 2.0 * s * (std::cos(x) - s) / t};
}

template <class Shape, class Transformed>
void check_waves(const Shape& shape, const Transformed& transform) {
  Waves waves({0.3, 0.7, 1.0, 0.01}, {300.0, 60.0, 1000.0, 4000.0}, 0.4);
  const Numbers q{0.02, 0.05, 0.051, 0.3};
  const Numbers sigma{0.001, 0.0005, 0.006, 0.02};
  kiessig::Smearing smearing;
  smearing.build(waves, shape, q.data(), sigma.data(), 4, false);
  for (std::size_t i = 0; i < q.size(); ++i) {
    for (std::size_t a = 0; a < waves.height.size(); ++a) {
      check::note("q = " + std::to_string(q[i]) + ", amplitude " + std::to_string(a));
      // (b + c cos(w q))^2 = b^2 + c^2 / 2 + 2 b c cos(w q) + c^2 cos(2 w q) / 2
      double value = waves.floor * waves.floor + 0.5 * waves.height[a] * waves.height[a], by_q = 0.0, by_sigma = 0.0;
      const double heights[] = {2.0 * waves.floor * waves.height[a], 0.5 * waves.height[a] * waves.height[a]};
      for (int k = 0; k < 2; ++k) {
        const double w = 0.5 * (k + 1) * waves.frequency[a];
        const Transform f = transform(w * sigma[i]);
        value += heights[k] * f.value * std::cos(w * q[i]);
        by_q -= heights[k] * f.value * w * std::sin(w * q[i]);
        by_sigma += heights[k] * f.slope * w * std::cos(w * q[i]);
      }
      const kiessig::Smearing::Sums sums =
          smearing.sums(static_cast<std::ptrdiff_t>(a), static_cast<std::ptrdiff_t>(i));
      // panels are resolved to 1e-6 of the largest amplitude on them
      CHECK_NEAR(sums.r, value, 1e-7 * value);
      CHECK_NEAR(sums.dq, by_q, 1e-6 * value / sigma[i]);
      CHECK_NEAR(sums.dsigma, by_sigma, 1e-6 * value / sigma[i]);
      CHECK_NEAR(smearing.value(static_cast<std::ptrdiff_t>(i), smearing.node_r(static_cast<std::ptrdiff_t>(a))),
                 sums.r, 1e-14 * value);
    }
  }
}

// A table that is uneven, lopsided and has two steps.
struct Table {
  Numbers offset{-1.5, -0.4, -0.4, 0.1, 0.3, 0.3, 2.0};
  Numbers density{0.5, 1.0, 0.2, 0.9, 0.9, 1.4, 0.0};
  kiessig::Shape shape() const { return {offset.data(), density.data(), static_cast<std::ptrdiff_t>(offset.size())}; }
};

// Integrals piece by piece, cut where R has kinks; nodes crowd at both ends of a piece.
Transform brute_force(const Sample& s, const Table& table, double q, double sigma) {
  const double edge = 2.0 * std::sqrt(k_four_pi * std::max(s.sld.back() - s.sld.front(), 0.0));
  double area = 0.0;
  long double value = 0.0L, by_q = 0.0L;
  const auto r_at = [&](const Numbers& position) {
    Sample sharp = s;
    sharp.dq.clear();
    sharp.q.clear();
    for (const double x : position) sharp.q.push_back(std::abs(x));
    return reflectivity_of(sharp);
  };
  for (std::size_t j = 1; j < table.offset.size(); ++j) {
    const double from = table.offset[j - 1], to = table.offset[j];
    const double slope = to > from ? (table.density[j] - table.density[j - 1]) / (to - from) : 0.0;
    area += 0.5 * (table.density[j] + table.density[j - 1]) * (to - from);
    if (to == from) continue;
    Numbers cuts{from, to};
    for (const double kink : {-edge, edge}) {
      const double z = (kink - q) / sigma;
      if (z > from && z < to) cuts.push_back(z);
    }
    std::sort(cuts.begin(), cuts.end());
    for (std::size_t c = 1; c < cuts.size(); ++c) {
      constexpr int k_nodes = 20000;
      Numbers z, weight, position;
      for (int i = 0; i < k_nodes; ++i) {
        const double angle = k_pi * (i + 0.5) / k_nodes;
        const double half = std::sin(0.5 * angle);
        z.push_back(cuts[c - 1] + (cuts[c] - cuts[c - 1]) * half * half);
        weight.push_back(0.5 * (cuts[c] - cuts[c - 1]) * std::sin(angle) * k_pi / k_nodes);
        position.push_back(q + sigma * z.back());
      }
      const Numbers r = r_at(position);
      for (std::size_t i = 0; i < z.size(); ++i) {
        value += weight[i] * (table.density[j - 1] + slope * (z[i] - from)) * r[i];
        by_q -= weight[i] * slope * r[i] / sigma;
      }
    }
    const Numbers ends = r_at({q + sigma * from, q + sigma * to});
    by_q += (table.density[j] * ends[1] - table.density[j - 1] * ends[0]) / sigma;
  }
  return {static_cast<double>(value / area), static_cast<double>(by_q / area)};
}

Sample film() {
  Sample s;
  s.thickness = {600.0};
  s.sld = {0.0, 4.5, 2.07};
  s.sld_imag = {0.0, 0.02, 0.001};
  s.roughness = {4.0, 3.0};
  return s;
}

}  // namespace

TEST_CASE(shapes_uniform_waves) { check_waves(kiessig::uniform_shape(), uniform_transform); }

TEST_CASE(shapes_triangular_waves) { check_waves(kiessig::triangular_shape(), triangular_transform); }

TEST_CASE(shapes_are_normalised_and_have_unit_width) {
  // R = 1 + q^2 as two amplitudes' sum would be; here one complex amplitude 1 + i q, smeared to 1 + q^2 + sigma^2
  class Parabola : public kiessig::Reflector {
   public:
    std::ptrdiff_t n_amplitudes() const override { return 1; }
    void amplitudes(const double* q, std::ptrdiff_t m, double* re, double* im) override {
      for (std::ptrdiff_t i = 0; i < m; ++i) {
        re[i] = 1.0;
        im[i] = q[i];
      }
    }
    double fringe_frequency(double) const override { return 0.0; }
    void edges(std::vector<double>& q) const override { q.push_back(0.011); }
  } parabola;
  const Numbers q{0.0, 0.01, 0.011, 0.0115, 0.1, 0.1, 0.1, 0.1};
  const Numbers sigma{0.01, 0.001, 0.002, 1e-6, 1e-11, 1e-9, 0.02, 0.09};
  for (const kiessig::Shape& shape : {kiessig::uniform_shape(), kiessig::triangular_shape()}) {
    kiessig::Smearing smearing;
    smearing.build(parabola, shape, q.data(), sigma.data(), 8, false);
    for (std::size_t i = 0; i < q.size(); ++i) {
      check::note("q = " + std::to_string(q[i]) + ", sigma = " + std::to_string(1e6 * sigma[i]) + "e-6");
      const kiessig::Smearing::Sums sums = smearing.sums(0, static_cast<std::ptrdiff_t>(i));
      // positions of nodes are rounded to 1e-17 of what may be 1e-11 only, and all else is exact
      const double rounding = 1e-14 + 1e-16 * q[i] / sigma[i];
      CHECK_NEAR(sums.r, 1.0 + q[i] * q[i] + sigma[i] * sigma[i], rounding);
      CHECK_NEAR(sums.dq, 2.0 * q[i], rounding / sigma[i]);
      CHECK_NEAR(sums.dsigma, 2.0 * sigma[i], rounding / sigma[i]);
    }
  }
}

TEST_CASE(shapes_tabulated) {
  const Table table;
  Sample s = film();
  const double edge = 2.0 * std::sqrt(k_four_pi * 2.07);
  s.q = {0.004, edge - 0.0003, edge, edge + 0.0002, 0.0142, 0.03, 0.15};
  s.dq = {0.003, 0.0005, 0.001, 0.0005, 0.002, 0.0004, 0.006};
  kiessig::SpecularBatch batch = batch_of(s);
  batch.shape = table.shape();
  Jacobian j(s.q.size(), 1);
  kiessig::reflectivity_jacobian(batch, j.r.data(), j.pointers());
  Sample sharp = s;
  sharp.scale = 1.0;
  sharp.background = 0.0;
  for (std::size_t i = 0; i < s.q.size(); ++i) {
    check::note("q = " + std::to_string(s.q[i]));
    const Transform exact = brute_force(sharp, table, s.q[i], s.dq[i]);
    CHECK_NEAR(j.r[i] - s.background, s.scale * exact.value, 1e-7 * s.scale * exact.value);
    CHECK_NEAR(j.q[i], s.scale * exact.slope, 1e-6 * s.scale * exact.value / s.dq[i]);
  }
}

TEST_CASE(shapes_with_redundant_samples) {
  // more samples on the same lines, and another area: the same shape
  Sample s = film();
  s.q = {0.01, 0.02, 0.05};
  s.dq = {0.001, 0.002, 0.001};
  kiessig::SpecularBatch batch = batch_of(s);
  batch.shape = kiessig::triangular_shape();
  Jacobian expected(3, 1), found(3, 1);
  kiessig::reflectivity_jacobian(batch, expected.r.data(), expected.pointers());
  Numbers offset, density;
  for (int k = -20; k <= 20; ++k) {
    offset.push_back(std::sqrt(6.0) * k / 20.0);
    density.push_back(7.0 * (20 - std::abs(k)));
  }
  batch.shape = {offset.data(), density.data(), 41};
  kiessig::reflectivity_jacobian(batch, found.r.data(), found.pointers());
  for (std::size_t i = 0; i < 3; ++i) {
    CHECK_NEAR(found.r[i], expected.r[i], 1e-9 * expected.r[i]);
    CHECK_NEAR(found.q[i], expected.q[i], 1e-8 * expected.r[i] / s.dq[i]);
    CHECK_NEAR(found.dq[i], expected.dq[i], 1e-8 * expected.r[i] / s.dq[i]);
    CHECK_NEAR(found.thickness[i], expected.thickness[i], 1e-7 * std::abs(expected.thickness[i]) + 1e-14);
  }
}

TEST_CASE(shapes_that_are_computed_point_by_point) {
  // so many points and nodes that weights are not kept: as the same points in smaller calls
  Sample s = film();
  s.thickness = {2e5};
  for (int i = 0; i < 256; ++i) {
    s.q.push_back(0.05 + 0.0001 * i);
    s.dq.push_back(0.02);
  }
  kiessig::SpecularBatch batch = batch_of(s);
  batch.shape = kiessig::uniform_shape();
  Jacobian all(256, 1);
  kiessig::reflectivity_jacobian(batch, all.r.data(), all.pointers());
  for (const std::size_t i : {std::size_t{0}, std::size_t{100}, std::size_t{255}}) {
    Sample one = s;
    one.q = {s.q[i]};
    one.dq = {s.dq[i]};
    kiessig::SpecularBatch alone = batch_of(one);
    alone.shape = kiessig::uniform_shape();
    Jacobian j(1, 1);
    kiessig::reflectivity_jacobian(alone, j.r.data(), j.pointers());
    CHECK_NEAR(all.r[i], j.r[0], 1e-7 * j.r[0]);
    CHECK_NEAR(all.q[i], j.q[0], 1e-6 * j.r[0] / s.dq[i]);
    CHECK_NEAR(all.sld[3 * i + 1], j.sld[1], 1e-5 * largest(j.sld.data(), 3));
  }
}

TEST_CASE(shapes_with_a_plan) {
  kiessig::Plan plan;
  Sample s = film();
  check::Random random(81);
  for (int i = 0; i < 300; ++i) {
    s.q.push_back(random.uniform(0.005, 0.2));
    s.dq.push_back(s.q.back() * random.log_uniform(0.003, 0.05));
  }
  Numbers planned(300), fresh(300);
  const kiessig::Shape shapes[] = {kiessig::uniform_shape(), kiessig::uniform_shape(), kiessig::triangular_shape(), {}};
  for (int step = 0; step < 12; ++step) {
    s.thickness[0] *= step == 6 ? 5.0 : 1.001;
    kiessig::SpecularBatch batch = batch_of(s);
    batch.shape = shapes[step % 4];  // a plan is told when the shape changes
    kiessig::reflectivity(batch, fresh.data());
    batch.plan = &plan;
    kiessig::reflectivity(batch, planned.data());
    for (std::size_t i = 0; i < 300; ++i) CHECK_NEAR(planned[i], fresh[i], 2e-7 * fresh[i]);
  }
}

TEST_CASE(weight_matrix) {
  check::Random random(82);
  Sample s = random_sample(random, 3, {true, true});
  const std::size_t m = 300, n = 700;  // two blocks of points
  Numbers nodes;
  for (std::size_t k = 0; k < n; ++k) nodes.push_back(0.01 + 0.0003 * static_cast<double>(k));
  std::vector<std::ptrdiff_t> first, start{0};
  Numbers weight, by_q, by_dq;
  for (std::size_t i = 0; i < m; ++i) {
    s.q.push_back(0.01 + 0.0005 * static_cast<double>(i));
    s.dq.push_back(i % 7 == 0 ? 0.0 : 0.001);
    const std::ptrdiff_t count = random.integer(1, 40);
    first.push_back(random.integer(0, static_cast<std::ptrdiff_t>(n) - count));
    start.push_back(start.back() + count);
    for (std::ptrdiff_t k = 0; k < count; ++k) {
      weight.push_back(random.uniform(0.0, 1.0));
      by_q.push_back(random.uniform(-1.0, 1.0));
      by_dq.push_back(random.uniform(-1.0, 1.0));
    }
  }
  for (const double side : {1.0, -1.0}) {
    Sample mirrored = s;
    for (double& q : mirrored.q) q *= side;
    kiessig::SpecularBatch batch = batch_of(mirrored);
    batch.matrix = {
        nodes.data(), static_cast<std::ptrdiff_t>(n), first.data(), start.data(), weight.data(), by_q.data(),
        by_dq.data()};
    Jacobian j(m, 3);
    kiessig::reflectivity_jacobian(batch, j.r.data(), j.pointers());
    Numbers r(m);
    kiessig::reflectivity(batch, r.data());
    Sample sharp = s;
    sharp.dq.clear();
    sharp.q = nodes;
    for (double& q : sharp.q) q *= side;
    sharp.background = 0.0;
    const Jacobian at = jacobian_of(sharp);
    for (std::size_t i = 0; i < m; ++i) {
      check::note("point " + std::to_string(i) + " of side " + std::to_string(side));
      double value = s.background, q = 0.0, dq = 0.0, size = 0.0;
      Numbers sld(5, 0.0);
      for (std::ptrdiff_t k = start[i]; k < start[i + 1]; ++k) {
        const std::size_t w = static_cast<std::size_t>(k);
        const std::size_t node = static_cast<std::size_t>(first[i] + k - start[i]);
        value += weight[w] * at.r[node];
        q += side * by_q[w] * at.r[node];
        dq += by_dq[w] * at.r[node];
        size += at.r[node];
        for (std::size_t e = 0; e < 5; ++e) sld[e] += weight[w] * at.sld[node * 5 + e];
      }
      // the order of up to 40 additions
      CHECK_NEAR(r[i], value, 1e-13 * value);
      CHECK_NEAR(j.r[i], value, 1e-13 * value);
      CHECK_NEAR(j.q[i], q, 1e-13 * size);
      CHECK_NEAR(j.dq[i], dq, 1e-13 * size);
      for (std::size_t e = 0; e < 5; ++e) CHECK_NEAR(j.sld[i * 5 + e], sld[e], 1e-11 * largest(sld.data(), 5));
    }
  }
}
