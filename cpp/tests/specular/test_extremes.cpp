// Stacks beyond any sample: whatever comes in is finite, whatever comes out must be.
#include "sample.hpp"

namespace {

using namespace kiessig_test;

double signed_log_uniform(check::Random& random, double low, double high) {
  return random.chance(0.5) ? random.log_uniform(low, high) : -random.log_uniform(low, high);
}

Sample extreme_sample(check::Random& random, std::size_t layers) {
  const bool absorbing = random.chance(0.5);
  const bool rough = random.chance(0.7);
  const bool repeated = random.chance(0.3);  // SLDs of few values: equal media, resonances
  Numbers slds;
  for (int i = 0; i < 3; ++i) slds.push_back(signed_log_uniform(random, 1e-3, 1e3));
  Sample s;
  for (std::size_t j = 0; j < layers; ++j) {
    s.thickness.push_back(random.chance(0.05) ? 0.0 : random.log_uniform(1e-3, 1e7));
  }
  for (std::size_t j = 0; j < layers + 2; ++j) {
    s.sld.push_back(repeated ? slds[random.integer(0, 2)] : signed_log_uniform(random, 1e-6, 1e3));
    s.sld_imag.push_back(absorbing && random.chance(0.7) ? random.log_uniform(1e-9, 1e3) : 0.0);
  }
  for (std::size_t j = 0; j < layers + 1; ++j) {
    s.roughness.push_back(rough && random.chance(0.8) ? random.log_uniform(1e-2, 1e4) : 0.0);
  }
  for (int i = 0; i < 6; ++i) s.q.push_back(signed_log_uniform(random, 1e-6, 10.0));
  // the critical edge of some medium seen from the front, to the last bit or nearly
  const double contrast = s.sld[random.integer(1, layers + 1)] - s.sld[0];
  s.q.push_back(2.0 * std::sqrt(k_four_pi * std::abs(contrast)));
  s.q.push_back(s.q.back() * (1.0 + random.log_uniform(1e-16, 1e-2)));
  return s;
}

// The first output that is not finite, or nothing.
std::string not_finite(const Sample& s) {
  const auto finite = [](double x) { return std::isfinite(x); };
  const Jacobian j = jacobian_of(s);
  const Numbers r = reflectivity_of(s);
  if (!std::all_of(r.begin(), r.end(), finite)) return "reflectivity";
  for (const auto& v : amplitude_of(s)) {
    if (!finite(v.real()) || !finite(v.imag())) return "amplitude";
  }
  if (!std::all_of(j.r.begin(), j.r.end(), finite)) return "R of the Jacobian";
  for (const auto& [name, values] : j.named()) {
    if (!std::all_of(values->begin(), values->end(), finite)) return std::string("dR/d ") + name;
  }
  return {};
}

std::string written_out(const Sample& s) {
  std::string text;
  for (const auto& [name, values] :
       {std::pair{"q", &s.q}, std::pair{"thickness", &s.thickness}, std::pair{"sld", &s.sld},
        std::pair{"sld_imag", &s.sld_imag}, std::pair{"roughness", &s.roughness}}) {
    text += std::string(text.empty() ? "" : ", ") + name + " {";
    for (const double x : *values) {
      char number[32];
      std::snprintf(number, sizeof number, " %.17g", x);
      text += number;
    }
    text += " }";
  }
  return text;
}

// A stack with as few points, layers and properties as still show the failure.
Sample smallest(Sample s) {
  const auto accept = [&s](const Sample& candidate) {
    if (not_finite(candidate).empty()) return false;
    s = candidate;
    return true;
  };
  for (const double q : Numbers(s.q)) {
    Sample one = s;
    one.q = {q};
    if (accept(one)) break;
  }
  for (std::size_t j = s.n_layers(); j-- > 0;) {
    Sample fewer = s;
    const auto offset = static_cast<std::ptrdiff_t>(j);
    fewer.thickness.erase(fewer.thickness.begin() + offset);
    fewer.sld.erase(fewer.sld.begin() + offset + 1);
    fewer.sld_imag.erase(fewer.sld_imag.begin() + offset + 1);
    fewer.roughness.erase(fewer.roughness.begin() + offset + 1);
    accept(fewer);
  }
  for (Numbers Sample::* field : {&Sample::roughness, &Sample::sld_imag, &Sample::thickness}) {
    for (std::size_t i = 0; i < (s.*field).size(); ++i) {
      Sample simpler = s;
      (simpler.*field)[i] = 0.0;
      accept(simpler);
    }
  }
  return s;
}

void check_finite(const Sample& s) {
  const std::string what = not_finite(s);
  if (what.empty()) return;
  const Sample reduced = smallest(s);
  check::fail(__FILE__, __LINE__, not_finite(reduced) + " is not finite for " + written_out(reduced));
}

}  // namespace

TEST_CASE(extremes_are_finite) {
  check::Random random(41);
  for (int repeat = 0; repeat < 6000; ++repeat) {
    check_finite(extreme_sample(random, repeat % 3 == 0 ? random.integer(0, 3) : random.integer(0, 40)));
  }
}

TEST_CASE(extremes_of_one_kind_are_finite) {
  // One property at its extreme at a time, all others those of a real sample.
  check::Random random(42);
  for (int repeat = 0; repeat < 2000; ++repeat) {
    Sample s = random_sample(random, random.integer(1, 10), {random.chance(0.5), random.chance(0.5)});
    s.q = random_q(random, 8);
    switch (repeat % 5) {
      case 0:
        for (double& d : s.thickness) d = random.log_uniform(1e-3, 1e7);
        break;
      case 1:
        for (double& sld : s.sld) sld = signed_log_uniform(random, 1.0, 1e3);
        break;
      case 2:
        for (double& sigma : s.roughness) sigma = random.log_uniform(1.0, 1e4);
        break;
      case 3:
        for (double& sld : s.sld_imag) sld = random.log_uniform(1e-15, 1e3);
        break;
      default:
        for (double& q : s.q) q = signed_log_uniform(random, 1e-6, 10.0);
    }
    check_finite(s);
  }
}

TEST_CASE(extremes_with_many_layers_are_finite) {
  check::Random random(43);
  for (int repeat = 0; repeat < 4; ++repeat) {
    Sample s = random_sample(random, 10000, {repeat % 2 == 1, repeat < 2});
    s.q = {1e-6, 0.004, 0.013, 0.1, 10.0, -0.01};
    check_finite(s);
    check_finite(extreme_sample(random, 10000));
  }
}

TEST_CASE(extremes_of_sharp_stacks_reflect_no_more_than_everything) {
  check::Random random(44);
  for (int repeat = 0; repeat < 3000; ++repeat) {
    Sample s = extreme_sample(random, random.integer(0, 10));
    s.roughness.assign(s.roughness.size(), 0.0);
    const Numbers r = reflectivity_of(s);
    for (std::size_t i = 0; i < r.size(); ++i) {
      Sample one = s;
      one.q = {s.q[i]};
      check::note(written_out(one));
      // Near a resonance of media that do not absorb, 1 - R is what rounding leaves of a difference of large waves.
      CHECK(r[i] >= 0.0 && r[i] <= 1.0 + 1e-9);
    }
  }
}
