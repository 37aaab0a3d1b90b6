// Products with the Jacobian, amplitudes, and how points are cut into packets, against the Jacobian and the values.
#include "sample.hpp"

namespace {

using namespace kiessig_test;

Numbers random_numbers(check::Random& random, std::size_t count) {
  Numbers values;
  for (std::size_t i = 0; i < count; ++i) values.push_back(random.uniform(-1.0, 1.0));
  return values;
}

// Some of them at critical edges of layers, some below the smallest Q of the recursion.
Numbers many_q(const Magnetic& s, std::size_t count) {
  Numbers q;
  for (std::size_t i = 0; i < count; ++i) {
    if (i % 17 == 3 && s.n() > 0) {
      const double sld = s.sld[1 + i % s.n()] - s.sld[0];
      q.push_back(2.0 * std::sqrt(k_four_pi * std::max(sld, 0.1)));
    } else {
      q.push_back(i == 5 ? 0.0 : 0.004 + 0.3 * static_cast<double>(i) / static_cast<double>(count));
    }
  }
  return q;
}

void check_products(kiessig::PolarisedStack& stack, const Magnetic& s, std::size_t count, check::Random& random) {
  const Numbers q = many_q(s, count);
  const auto m = static_cast<std::ptrdiff_t>(count);
  const MagneticJacobian j = jacobian_of(s, q);
  stack.assign(s.rows(), false);
  const Numbers values = channels_of(s, q);
  Numbers re(k_channels * count), im(k_channels * count);
  stack.amplitudes(q.data(), m, re.data(), im.data());
  for (std::size_t e = 0; e < values.size(); ++e) {
    CHECK_NEAR(re[e] * re[e] + im[e] * im[e], values[e], 4.0 * k_epsilon * values[e]);
    // near an edge one is a near-edge lane and the other is not
    CHECK_NEAR(j.r[e], values[e], 1e-9 * values[e] + 1e-20);
  }

  const Numbers cotangent = random_numbers(random, k_channels * count);
  Numbers r(k_channels * count), gradient(j.entries, 1.0), dq(count);
  stack.vjp(q.data(), m, cotangent.data(), r.data(), gradient.data(), dq.data());
  CHECK(r == j.r);
  Numbers expected(j.entries, 1.0), size(j.entries, 1.0);
  for (std::size_t i = 0; i < count; ++i) {
    double slope = 0.0, extent = 0.0;
    for (std::size_t c = 0; c < k_channels; ++c) {
      const double weight = cotangent[c * count + i];
      slope += weight * j.dq[c * count + i];
      extent += std::abs(weight * j.dq[c * count + i]);
      for (std::size_t e = 0; e < j.entries; ++e) {
        expected[e] += weight * j.row(c, i)[e];
        size[e] += std::abs(weight * j.row(c, i)[e]);
      }
    }
    CHECK_NEAR(dq[i], slope, 1e-12 * extent + 1e-18);
  }
  for (std::size_t e = 0; e < j.entries; ++e) CHECK_NEAR(gradient[e], expected[e], 1e-12 * size[e]);

  const Numbers tangent = random_numbers(random, j.entries);
  const Numbers tangent_q = random_numbers(random, count);
  Numbers dr(k_channels * count);
  stack.jvp(q.data(), m, tangent.data(), tangent_q.data(), r.data(), dr.data());
  CHECK(r == j.r);
  for (std::size_t c = 0; c < k_channels; ++c) {
    for (std::size_t i = 0; i < count; ++i) {
      double slope = tangent_q[i] * j.dq[c * count + i];
      double extent = std::abs(slope);
      for (std::size_t e = 0; e < j.entries; ++e) {
        slope += tangent[e] * j.row(c, i)[e];
        extent += std::abs(tangent[e] * j.row(c, i)[e]);
      }
      CHECK_NEAR(dr[c * count + i], slope, 1e-12 * extent);
    }
  }

  // rows further apart leave what is between them alone
  const std::size_t stride = j.entries + 5;
  Numbers rows(k_channels * count * stride, -7.0), slopes(k_channels * count);
  stack.jacobian(q.data(), m, r.data(), rows.data(), static_cast<std::ptrdiff_t>(stride), slopes.data());
  CHECK(r == j.r && slopes == j.dq);
  for (std::size_t row = 0; row < k_channels * count; ++row) {
    for (std::size_t e = 0; e < stride; ++e) {
      CHECK(rows[row * stride + e] == (e < j.entries ? j.rows[row * j.entries + e] : -7.0));
    }
  }
}

}  // namespace

TEST_CASE(polarised_products) {
  check::Random random(501);
  kiessig::PolarisedStack stack;
  for (const std::size_t count : {std::size_t{1}, std::size_t{7}, std::size_t{8}, std::size_t{300}}) {
    for (int kind = 0; kind < 4; ++kind) {
      Magnetic s = random_magnetic(random, count == 300 ? 2 : random.integer(0, 4));
      if (kind % 2 == 0) s.field = s.sld_magnetic[0] = 0.0;
      if (kind >= 2) {
        std::fill(s.theta_m.begin(), s.theta_m.end(), 90.0);
        s.guide_angle = 90.0;
      }
      check::note("kind " + std::to_string(kind) + ", " + std::to_string(count) + " points");
      check_products(stack, s, count, random);
    }
  }
}

// A point's numbers do not depend on its neighbours, nor on what the object did before.
TEST_CASE(polarised_points_are_independent) {
  check::Random random(502);
  const Magnetic s = random_magnetic(random, 3);
  const Numbers q = many_q(s, 40);
  const MagneticJacobian all = jacobian_of(s, q);
  for (std::size_t i = 0; i < q.size(); ++i) {
    const MagneticJacobian one = jacobian_of(s, {q[i]});
    for (std::size_t c = 0; c < k_channels; ++c) {
      CHECK(one.r[c] == all.r[c * q.size() + i] && one.dq[c] == all.dq[c * q.size() + i]);
      for (std::size_t e = 0; e < one.entries; ++e) CHECK(one.row(c, 0)[e] == all.row(c, i)[e]);
    }
  }
}

TEST_CASE(polarised_fringe_frequency) {
  Magnetic s;
  s.thickness = {400.0};
  s.sld = {0.0, 4.0, 2.0};
  s.sld_imag = s.phi_m = Numbers(3, 0.0);
  s.roughness = Numbers(2, 0.0);
  s.sld_magnetic = {0.0, 1.0, 0.0};
  for (const double theta : {90.0, 20.0}) {
    s.theta_m = Numbers(3, theta);
    kiessig::PolarisedStack stack;
    stack.assign(s.rows(), false);
    // 2 k d with k of the slower spin state
    const double q = 0.05;
    const double k = std::sqrt(0.25 * q * q - k_four_pi * 5.0);
    CHECK_NEAR(stack.fringe_frequency(q), 400.0 * 0.5 * q / k, 1e-12 * 400.0);
    CHECK(stack.n_amplitudes() == 4 && stack.entries() == 20);
  }
}
