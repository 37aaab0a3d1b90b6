// Compiled once per instruction set, with the flags of the kernels.
#include "functions.hpp"

#include "../../src/simd/math.hpp"

namespace kiessig {
namespace KIESSIG_ISA_NAME {

static void exponentials(const double* x, double* y, ptrdiff_t m) {
  for (ptrdiff_t i = 0; i < m; i += k_width) store(y + i, exponential(load(x + i)));
}

static void sines_cosines(const double* x, double* sine, double* cosine, ptrdiff_t m) {
  for (ptrdiff_t i = 0; i < m; i += k_width) {
    Vec s, c;
    sine_cosine(load(x + i), s, c);
    store(sine + i, s);
    store(cosine + i, c);
  }
}

static void half_angles(const double* x, double* a, double* b, double* sign, ptrdiff_t m) {
  for (ptrdiff_t i = 0; i < m; i += k_width) {
    Vec re, im;
    Bits flips;
    half_angle(load(x + i), re, im, flips);
    store(a + i, re);
    store(b + i, im);
    store(sign + i, flip_sign(broadcast(1.0), flips));
  }
}

static void complex_exponentials(const double* re, const double* im, double* y_re, double* y_im, ptrdiff_t m) {
  for (ptrdiff_t i = 0; i < m; i += k_width) {
    const Complex y = exponential(Complex{load(re + i), load(im + i)});
    store(y_re + i, y.re);
    store(y_im + i, y.im);
  }
}

static void square_roots(const double* x, double* y, ptrdiff_t m) {
  for (ptrdiff_t i = 0; i < m; i += k_width) store(y + i, square_root(load(x + i)));
}

static void compare(const double* a, const double* b, double* lesser, double* greater, double* modulus, double* chosen,
                    ptrdiff_t m) {
  for (ptrdiff_t i = 0; i < m; i += k_width) {
    const Vec x = load(a + i);
    const Vec y = load(b + i);
    store(lesser + i, minimum(x, y));
    store(greater + i, maximum(x, y));
    store(modulus + i, absolute(x));
    store(chosen + i, select(x < y, y, x));
  }
}

static double sum_of(const double* x) { return sum(load(x)); }
static bool any_negative(const double* x) { return any(load(x) < broadcast(0.0)); }

static void transpose_block(double* block) {
  Vec rows[k_width];
  for (int i = 0; i < k_width; ++i) rows[i] = load(block + i * k_width);
  transpose(rows);
  for (int i = 0; i < k_width; ++i) store(block + i * k_width, rows[i]);
}

}  // namespace KIESSIG_ISA_NAME
}  // namespace kiessig

#define KIESSIG_TABLE_NAME_2(isa) k_functions_##isa
#define KIESSIG_TABLE_NAME(isa) KIESSIG_TABLE_NAME_2(isa)
#define KIESSIG_STRING_2(x) #x
#define KIESSIG_STRING(x) KIESSIG_STRING_2(x)

namespace kiessig_test {

extern const Functions KIESSIG_TABLE_NAME(KIESSIG_ISA_NAME);
const Functions KIESSIG_TABLE_NAME(KIESSIG_ISA_NAME) = {
    KIESSIG_STRING(KIESSIG_ISA_NAME),          KIESSIG_WIDTH,
    kiessig::KIESSIG_ISA_NAME::exponentials,   kiessig::KIESSIG_ISA_NAME::sines_cosines,
    kiessig::KIESSIG_ISA_NAME::half_angles,    kiessig::KIESSIG_ISA_NAME::complex_exponentials,
    kiessig::KIESSIG_ISA_NAME::square_roots,   kiessig::KIESSIG_ISA_NAME::compare,
    kiessig::KIESSIG_ISA_NAME::sum_of,         kiessig::KIESSIG_ISA_NAME::any_negative,
    kiessig::KIESSIG_ISA_NAME::transpose_block};

}  // namespace kiessig_test
