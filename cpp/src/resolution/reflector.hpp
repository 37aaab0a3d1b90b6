// What smearing asks of whatever reflects.
#pragma once

#include <cstddef>
#include <vector>

namespace kiessig {

class Reflector {
 public:
  virtual ~Reflector() = default;

  virtual std::ptrdiff_t n_amplitudes() const = 0;  // 1, or 4

  // Amplitude a of q[i] at [a * m + i]; R of channel a is |amplitude a|^2.
  virtual void amplitudes(const double* q, std::ptrdiff_t m, double* re, double* im) = 0;

  // A bound of d(phase)/dQ at q, from the thicknesses.
  virtual double fringe_frequency(double q) const = 0;

  // Appends the positive Q of square-root kinks: the backing's critical edges.
  virtual void edges(std::vector<double>& q) const = 0;
};

}  // namespace kiessig
