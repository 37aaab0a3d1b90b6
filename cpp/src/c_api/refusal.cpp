#include "refusal.hpp"

#include <cmath>
#include <limits>
#include <locale>
#include <sstream>

namespace kiessig::c_api {

std::string in_words(double x) {
  if (std::isnan(x)) return "nan";
  if (std::isinf(x)) return x > 0.0 ? "inf" : "-inf";
  std::string text;
  for (int digits = 1; digits <= std::numeric_limits<double>::max_digits10; ++digits) {
    std::ostringstream out;
    out.imbue(std::locale::classic());
    out.precision(digits);
    out << x;
    text = out.str();
    std::istringstream in(text);
    in.imbue(std::locale::classic());
    double back = 0.0;
    in >> back;
    if (back == x) break;
  }
  return text.find_first_of(".e") == std::string::npos ? text + ".0" : text;
}

}  // namespace kiessig::c_api
