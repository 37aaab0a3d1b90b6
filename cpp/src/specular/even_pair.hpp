// cos(k d) and sin(k d)/k as functions of k^2: what layers and rough interfaces are made of where k may vanish.
#pragma once

#include <complex>

namespace kiessig {

// The root with Im >= 0 of a number with Im >= 0, exact on the real axis. (Not every library's complex sqrt is: one by
// way of polar coordinates leaves cos(pi/2) > 0 on the negative axis.)
std::complex<double> square_root(std::complex<double> z);

// c = cos(k d) and s = sin(k d)/k at k^2 = z with their derivatives with respect to z. All are entire functions of z.
// They are formed with a common factor exp(`exponent`), i k d with Im k >= 0 or 0, which decays.
struct EvenPair {
  std::complex<double> c, s, dc, ds, exponent;
};

EvenPair even_pair(std::complex<double> z, double d);

}  // namespace kiessig
