// What XLA hands to a custom-call handler: the layouts of the C interface of its foreign functions, as far as a handler
// that reads arrays and integers and writes arrays needs them. Written down here, so that building does not need
// jaxlib. XLA promises that members are only ever added at the end; `size`, which every structure begins with, says
// how much of it there is.
#pragma once

#include <cstddef>
#include <cstdint>

namespace kiessig::bindings::xla {

// The version that our layouts are those of. XLA asks every handler, and refuses those newer than itself: it is that of
// jaxlib 0.6, and what later versions have added is not used.
constexpr int k_major_version = 0;
constexpr int k_minor_version = 1;

enum ExtensionKind : int { k_metadata = 1 };
enum AttributeKind : int { k_scalar = 3 };
enum DataType : int { k_int64 = 5, k_float32 = 11, k_float64 = 12 };
enum ErrorCode : int { k_invalid_argument = 3, k_resource_exhausted = 8, k_internal = 13 };

struct Extension {
  std::size_t size;
  int kind;
  Extension* next;
};

struct Version {
  std::size_t size;
  Extension* extensions;
  int major;
  int minor;
};

struct Metadata {
  std::size_t size;
  Version version;       // to be filled in
  std::uint32_t traits;  // of handlers for command buffers of GPUs
};

struct MetadataExtension {
  Extension base;
  Metadata* metadata;
};

struct Error;

struct ErrorArguments {
  std::size_t size;
  Extension* extensions;
  const char* message;
  int code;
};

struct Api {
  std::size_t size;
  Extension* extensions;
  Version version;
  const void* internals;
  Error* (*new_error)(ErrorArguments*);
};

struct Buffer {
  std::size_t size;
  Extension* extensions;
  int type;
  void* data;
  std::int64_t rank;
  std::int64_t* dimensions;
};

struct Buffers {  // arguments or results; all are arrays
  std::size_t size;
  Extension* extensions;
  std::int64_t count;
  int* kinds;
  Buffer** items;
};

struct Name {
  const char* text;
  std::size_t length;
};

struct Scalar {
  int type;
  void* value;
};

struct Attributes {
  std::size_t size;
  Extension* extensions;
  std::int64_t count;
  int* kinds;
  Name** names;
  void** values;
};

struct CallFrame {
  std::size_t size;
  Extension* extensions;
  const Api* api;
  void* context;
  int stage;
  Buffers arguments;
  Buffers results;
  Attributes attributes;
};

using Handler = Error*(CallFrame*);

}  // namespace kiessig::bindings::xla
