// Repeated cells against the same stack written out.
#include "sample.hpp"

namespace {

using namespace kiessig_test;
using kiessig::RepeatedCell;

// Which of the short stack's layers each layer of the long one is.
std::vector<std::size_t> written_out(std::size_t layers, const std::vector<RepeatedCell>& cells) {
  std::vector<std::size_t> origin;
  std::size_t next = 0;
  for (const RepeatedCell& cell : cells) {
    const auto start = static_cast<std::size_t>(cell.start);
    const auto stop = static_cast<std::size_t>(cell.stop);
    while (next < start) origin.push_back(next++);
    for (std::ptrdiff_t r = 0; r < cell.repeats; ++r) {
      for (std::size_t j = start; j < stop; ++j) origin.push_back(j);
    }
    next = stop;
  }
  while (next < layers) origin.push_back(next++);
  return origin;
}

// Layer j's own numbers are thickness[j], sld[j + 1], sld_imag[j + 1] and, of its top interface, roughness[j].
Sample long_sample(const Sample& s, const std::vector<std::size_t>& origin) {
  Sample t = s;
  t.thickness.clear();
  t.sld = {s.sld.front()};
  t.sld_imag = {s.sld_imag.front()};
  t.roughness.clear();
  for (const std::size_t j : origin) {
    t.thickness.push_back(s.thickness[j]);
    t.sld.push_back(s.sld[j + 1]);
    t.sld_imag.push_back(s.sld_imag[j + 1]);
    t.roughness.push_back(s.roughness[j]);
  }
  t.sld.push_back(s.sld.back());
  t.sld_imag.push_back(s.sld_imag.back());
  t.roughness.push_back(s.roughness.back());
  return t;
}

void compare(const Sample& s, const std::vector<RepeatedCell>& cells, const std::string& what) {
  kiessig::SpecularBatch batch = batch_of(s);
  batch.cells = cells.data();
  batch.n_cells = static_cast<std::ptrdiff_t>(cells.size());
  const std::size_t n = s.n_layers();
  const std::size_t m = s.q.size();
  Numbers r(m);
  Jacobian j(m, n);
  kiessig::reflectivity(batch, r.data());
  kiessig::reflectivity_jacobian(batch, j.r.data(), j.pointers());

  const std::vector<std::size_t> origin = written_out(n, cells);
  const std::size_t total = origin.size();
  const Jacobian whole = jacobian_of(long_sample(s, origin));
  for (std::size_t i = 0; i < m; ++i) {
    check::note(what + ", " + std::to_string(n) + " layers for " + std::to_string(total) +
                ", q = " + std::to_string(s.q[i]));
    const double value = whole.scale[i];
    if (value < 1e-10) continue;
    // phases of up to 1e5 in all, each known to its rounding, and cancellation as in the comparison with the oracle
    CHECK_NEAR(r[i], whole.r[i], 1e-9 * whole.r[i]);
    CHECK_NEAR(j.r[i], whole.r[i], 1e-9 * whole.r[i]);
    // the derivative of a number that stands in many places is the sum of theirs
    const auto same = [&](const Numbers& actual, const Numbers& parts, std::size_t ends, double rounding) {
      Numbers sum(n + ends);
      const double* part = parts.data() + i * (total + ends);
      const bool fronting = ends == 2;
      if (fronting) sum.front() = part[0];
      for (std::size_t k = 0; k < total; ++k) sum[origin[k] + (fronting ? 1 : 0)] += part[k + (fronting ? 1 : 0)];
      if (ends > 0) sum.back() = part[total + ends - 1];
      const double allowed = 1e-8 * largest(sum.data(), sum.size()) + rounding;
      for (std::size_t e = 0; e < n + ends; ++e) CHECK_NEAR(actual[i * (n + ends) + e], sum[e], allowed);
    };
    // in total reflection only rounding is left of 4 k R, per repeat and more of it at a resonance, and of dR/dsld,
    // which is as large as dR/dsld_imag
    const double rounding = 1e-12 * std::abs(s.q[i]) * value * static_cast<double>(total);
    same(j.thickness, whole.thickness, 0, rounding);
    same(j.sld, whole.sld, 2, 1e-12 * largest(j.sld_imag.data() + i * (n + 2), n + 2));
    same(j.sld_imag, whole.sld_imag, 2, 0.0);
    same(j.roughness, whole.roughness, 1, rounding);
    CHECK_NEAR(j.q[i], whole.q[i], 1e-8 * std::abs(whole.q[i]) + 1e-10 * value * static_cast<double>(total));
  }
}

}  // namespace

TEST_CASE(repeats_of_random_cells) {
  check::Random random(81);
  for (int repeat = 0; repeat < 120; ++repeat) {
    const std::size_t n = random.integer(1, 8);
    Sample s = random_sample(random, n, {repeat % 2 == 1, repeat % 4 < 2});
    s.background = 0.0;
    s.q = random_q(random, 12);
    for (double& q : s.q) q = random.chance(0.3) ? -q : q;
    std::vector<RepeatedCell> cells;
    std::size_t start = random.integer(0, n - 1);
    while (start < n && cells.size() < 3) {
      const std::size_t stop = random.integer(start + 1, n);
      cells.push_back({static_cast<std::ptrdiff_t>(start), static_cast<std::ptrdiff_t>(stop),
                       static_cast<std::ptrdiff_t>(random.integer(1, 40))});
      start = stop + random.integer(0, 2);
    }
    compare(s, cells, "seed 81, stack " + std::to_string(repeat));
  }
}

TEST_CASE(repeats_many_times) {
  for (const std::ptrdiff_t repeats : {1, 2, 3, 255, 256, 257, 5000}) {
    Sample s;
    s.thickness = {15.0, 40.0, 60.0, 20.0};
    s.sld = {0.0, 3.0, 9.4, -1.9, 4.0, 2.07};  // nickel and titanium below a cap
    s.sld_imag = {0.0, 0.001, 0.002, 0.003, 0.0, 0.0};
    s.roughness = {3.0, 4.0, 5.0, 6.0, 3.0};
    s.q = {0.01, 0.03, 0.0615, 0.0628, 0.064, 0.12};  // at the Bragg peak and about it
    compare(s, {{1, 3, repeats}}, std::to_string(repeats) + " repeats");
  }
}

TEST_CASE(repeats_once_is_no_repeat) {
  check::Random random(82);
  Sample s = random_sample(random, 5, {true, true});
  s.q = random_q(random, 20);
  const RepeatedCell cell{1, 4, 1};
  kiessig::SpecularBatch batch = batch_of(s);
  batch.cells = &cell;
  batch.n_cells = 1;
  Numbers r(s.q.size());
  kiessig::reflectivity(batch, r.data());
  const Numbers expected = reflectivity_of(s);
  for (std::size_t i = 0; i < r.size(); ++i) CHECK_NEAR(r[i], expected[i], 1e-12 * expected[i]);
}
