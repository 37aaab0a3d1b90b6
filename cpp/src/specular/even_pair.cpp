#include "even_pair.hpp"

#include <cmath>

namespace kiessig {

using Complex = std::complex<double>;

Complex square_root(Complex z) {
  const double larger = std::sqrt(0.5 * (std::hypot(z.real(), z.imag()) + std::abs(z.real())));
  if (larger == 0.0) return {0.0, 0.0};
  const double smaller = 0.5 * z.imag() / larger;
  return z.real() >= 0.0 ? Complex(larger, smaller) : Complex(smaller, larger);
}

EvenPair even_pair(Complex z, double d) {
  const Complex u = z * (d * d);
  EvenPair e;
  if (std::abs(u) < 0.25) {
    // Taylor series in u; the tenth term is below 2^-60
    Complex power = 1.0;     // (-u)^m
    double factorial = 1.0;  // (2m)!
    e.c = 0.0;
    e.s = 0.0;
    e.ds = 0.0;
    for (int m = 0; m < 10; ++m) {
      const double odd = factorial * (2 * m + 1);  // (2m + 1)!
      e.c += power / factorial;
      e.s += power / odd;
      const double next = odd * (2 * m + 2);                                // (2m + 2)!
      e.ds -= power * (static_cast<double>(m + 1) / (next * (2 * m + 3)));  // m + 1 from d/du of (-u)^(m + 1)
      power *= -u;
      factorial = next;
    }
    e.s *= d;
    e.ds *= d * d * d;
    e.exponent = 0.0;
  } else {
    Complex k = square_root(z);
    if (k.imag() < 0.0) k = -k;
    e.exponent = Complex(-d * k.imag(), d * k.real());
    const Complex propagation = std::exp(2.0 * e.exponent);
    e.c = 0.5 * (1.0 + propagation);
    e.s = Complex(0.0, 0.5) * (1.0 - propagation) / k;
    e.ds = 0.5 * (d * e.c - e.s) / z;
  }
  e.dc = -0.5 * d * e.s;
  return e;
}

}  // namespace kiessig
