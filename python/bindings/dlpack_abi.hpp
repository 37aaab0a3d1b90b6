// What a tensor library hands out to be read without a detour through Python: the layouts of DLPack's exchange
// interface, https://dmlc.github.io/dlpack/latest/ (version 1.3), as far as reading a tensor needs them. Written down
// here, so that building needs no tensor library. Within a major version members are only ever added at the end.
#pragma once

#include <cstdint>

namespace kiessig::bindings::dlpack {

constexpr const char* k_capsule_name = "dlpack_exchange_api";
constexpr std::uint32_t k_major_version = 1;
constexpr std::uint32_t k_least_minor_version = 3;

enum DeviceType : std::int32_t { k_cpu = 1 };
enum TypeCode : std::uint8_t { k_float = 2 };

struct Device {
  std::int32_t type;
  std::int32_t number;
};

struct DataType {
  std::uint8_t code;
  std::uint8_t bits;
  std::uint16_t lanes;
};

struct Tensor {
  void* data;
  Device device;
  std::int32_t rank;
  DataType type;
  std::int64_t* shape;
  std::int64_t* strides;  // in entries; may be null where rank is 0
  std::uint64_t byte_offset;
};

struct Version {
  std::uint32_t major;
  std::uint32_t minor;
};

struct Header {
  Version version;
  const Header* older;
};

struct ExchangeApi {
  Header header;
  void (*allocate)();        // these three
  void (*managed_tensor)();  // are not called
  void (*to_python)();
  int (*tensor)(void* object, Tensor* out);  // borrowed from the object; not 0: an error of Python is set
};

}  // namespace kiessig::bindings::dlpack
