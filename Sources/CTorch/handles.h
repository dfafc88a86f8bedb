// What the shim's files share: the handle, and the wall that no C++ exception passes.
#pragma once

#include <ATen/ATen.h>
#include <c10/util/Exception.h>

#include <optional>
#include <string>

#include "include/CTorch.h"

struct esp_tensor_s {
  at::Tensor value;
};

namespace espalier {

struct LastError {
  esp_error_kind kind = ESP_ERROR_NONE;
  std::string message;
};
LastError &last_error();
void record(const std::exception &error);

inline esp_tensor wrap(at::Tensor value) { return new esp_tensor_s{std::move(value)}; }

template <typename Body>
esp_tensor make(Body body) {
  try {
    return wrap(body());
  } catch (const std::exception &error) {
    record(error);
    return nullptr;
  }
}

template <typename Body>
bool act(Body body) {
  try {
    body();
    return true;
  } catch (const std::exception &error) {
    record(error);
    return false;
  }
}

inline c10::ScalarType scalar(esp_dtype dtype) { return static_cast<c10::ScalarType>(dtype); }
inline c10::Device device(int index) {
  return index < 0 ? c10::Device(c10::kCPU) : c10::Device(c10::kCUDA, static_cast<c10::DeviceIndex>(index));
}

}  // namespace espalier

// The loops below are compiled once per instruction set and chosen when the library loads.
#if defined(__x86_64__) && defined(__linux__)
#define ESP_MULTIVERSION __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define ESP_MULTIVERSION
#endif
