// What is thrown where the C interface refuses an argument, and the words for it.
#pragma once

#include <kiessig/kiessig.h>

#include <exception>
#include <string>

namespace kiessig::c_api {

class Refusal : public std::exception {
 public:
  Refusal(kiessig_status status, std::string text) : status_(status), text_(std::move(text)) {}

  kiessig_status status() const { return status_; }
  const char* what() const noexcept override { return text_.c_str(); }

 private:
  kiessig_status status_;
  std::string text_;
};

// A number as Python writes it: the shortest that reads back as the same, whatever the locale of the process.
std::string in_words(double x);

}  // namespace kiessig::c_api
