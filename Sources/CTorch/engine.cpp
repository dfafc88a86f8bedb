#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <c10/core/CachingDeviceAllocator.h>
#include <c10/core/GradMode.h>
#include <c10/core/impl/DeviceGuardImplInterface.h>
#include <caffe2/core/common.h>
#include <dlfcn.h>
#include <torch/version.h>

#if defined(__GLIBC__)
#include <malloc.h>
#endif

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

#include "handles.h"
#include "parallel.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace espalier {

LastError &last_error() {
  thread_local LastError error;
  return error;
}

namespace {

bool has(const std::string &text, std::initializer_list<const char *> words) {
  return std::any_of(words.begin(), words.end(),
                     [&](const char *word) { return text.find(word) != std::string::npos; });
}

// The failures of the libraries on top of CUDA (cuBLAS, cuSOLVER, cuDNN, NCCL) are plain errors that name their status.
esp_error_kind kind_of(const std::string &text) {
  if (has(text, {"can't allocate memory", "out of memory", "CUBLAS_STATUS_ALLOC_FAILED"})) return ESP_ERROR_MEMORY;
  if (has(text, {"CUDA error", "CUDA driver error", "CUDA:", "CUBLAS_STATUS", "CUSOLVER_STATUS", "cusolver error",
                 "CUSPARSE_STATUS", "cuDNN error", "CUDNN_STATUS", "NCCL error", "NVRTC", "nvrtc"}))
    return ESP_ERROR_DEVICE;
  return ESP_ERROR_OTHER;
}

// What went wrong, told by the exception's type where it has one of its own.
esp_error_kind kind_of(const std::exception &error, const std::string &text) {
  if (dynamic_cast<const std::bad_alloc *>(&error) || dynamic_cast<const c10::OutOfMemoryError *>(&error))
    return ESP_ERROR_MEMORY;
  // A thread that cannot be made, for want of memory or of threads that the system allows.
  auto system = dynamic_cast<const std::system_error *>(&error);
  if (system &&
      (system->code() == std::errc::resource_unavailable_try_again || system->code() == std::errc::not_enough_memory))
    return ESP_ERROR_MEMORY;
  auto kind = kind_of(text);
  return kind == ESP_ERROR_OTHER && dynamic_cast<const c10::AcceleratorError *>(&error) ? ESP_ERROR_DEVICE : kind;
}

}  // namespace

void record(const std::exception &error) {
  std::string text = error.what();
  if (auto c10_error = dynamic_cast<const c10::Error *>(&error)) text = c10_error->what_without_backtrace();
  last_error() = {kind_of(error, text), text};
}

}  // namespace espalier

using namespace espalier;

esp_error_kind esp_last_error_kind(void) { return last_error().kind; }
esp_error_kind esp_kind_of_message(const char *message) { return kind_of(message); }
const char *esp_last_error_message(void) { return last_error().message.c_str(); }

bool esp_can_allocate(int64_t bytes) {
  // Volatile, or a compiler may leave out a pair of calls that nothing seems to need.
  void *volatile place = std::malloc(static_cast<size_t>(bytes));
  if (!place) {
    last_error() = {ESP_ERROR_MEMORY, "the system does not provide " + std::to_string(bytes) + " bytes"};
    return false;
  }
  std::free(place);
  return true;
}

bool esp_can_make_threads(int count) {
  std::vector<std::thread> threads;
  std::mutex mutex;
  bool done = true;
  {
    // All of them are there at a time: none ends before the lock is free.
    std::lock_guard<std::mutex> lock(mutex);
    try {
      for (int i = 0; i < count; i++) threads.emplace_back([&] { std::lock_guard<std::mutex> wait(mutex); });
    } catch (const std::exception &error) {
      record(error);
      done = false;
    }
  }
  for (auto &thread : threads) thread.join();
  return done;
}

const char *esp_version(void) {
  // The build settings are compiled into the library; the macro would name the headers. `at::show_config` has them,
  // too, but asks for the CUDA hooks.
  static const std::string version = [] {
    const auto &settings = caffe2::GetBuildOptions();
    auto found = settings.find("TORCH_VERSION");
    return found == settings.end() ? std::string("unknown") : found->second;
  }();
  return version.c_str();
}
const char *esp_header_version(void) { return TORCH_VERSION; }

// A block's forward pass makes and drops the same large tensors for every batch. By default glibc asks the kernel for
// each anew and gives it back at once; the kernel zeroes the pages every time: a quarter of an evaluation's processor
// time was that. Kept in the heap they are found again.
void esp_keep_freed_memory(void) {
#if defined(__GLIBC__)
  mallopt(M_MMAP_MAX, 0);
  mallopt(M_TRIM_THRESHOLD, -1);
#endif
}

bool esp_set_threads(int count) {
  return act([&] { at::set_num_threads(count); });
}
int esp_threads(void) { return at::get_num_threads(); }
int esp_loop_ranges(void) {
  std::atomic<int> ranges{0};
  if (!act([&] { parallel_for(1 << 20, 1, [&](int64_t, int64_t) { ++ranges; }); })) return 0;
  return ranges;
}

bool esp_has_fast_bfloat16(void) {
#if defined(__x86_64__)
  unsigned a, b, c, d;
  if (!__get_cpuid_count(7, 1, &a, &b, &c, &d)) return false;
  return (a >> 5) & 1;  // AVX512_BF16
#elif defined(__ARM_FEATURE_BF16)
  return true;
#else
  return false;
#endif
}

bool esp_has_fast_float16(void) {
#if defined(__x86_64__)
  unsigned a, b, c, d;
  if (!__get_cpuid_count(7, 0, &a, &b, &c, &d)) return false;
  return (d >> 23) & 1;  // AVX512_FP16
#elif defined(__aarch64__)
  return true;
#else
  return false;
#endif
}

namespace {
std::atomic<int> opened_gpu{-1};
}

bool esp_load_cuda(int index) {
#if defined(__linux__)
  // Before anything asks torch for its CUDA hooks: the answer is cached at the first question.
  if (!dlopen("libtorch_cuda.so", RTLD_NOW | RTLD_GLOBAL)) {
    last_error() = {ESP_ERROR_DEVICE, dlerror()};
    return false;
  }
  return act([&] {
    TORCH_CHECK(at::hasCUDA(), "CUDA: libtorch_cuda.so was opened, but libtorch does not see it");
    int count = at::detail::getCUDAHooks().deviceCount();
    TORCH_CHECK(count > 0, "CUDA: no GPU, or no driver (libcuda.so.1) for it");
    at::globalContext().lazyInitDevice(c10::kCUDA);
    if (index < count) opened_gpu = index;
  });
#else
  last_error() = {ESP_ERROR_DEVICE, "CUDA exists on Linux only"};
  return false;
#endif
}

bool esp_synchronize(void) {
  return act([&] {
    if (opened_gpu < 0) return;
    c10::impl::getDeviceGuardImpl(c10::kCUDA)->synchronizeDevice(static_cast<c10::DeviceIndex>(opened_gpu.load()));
  });
}

bool esp_device_memory(int device, int64_t *free_bytes, int64_t *held, int64_t *peak) {
  return act([&] {
    auto index = static_cast<c10::DeviceIndex>(device);
    c10::DeviceAllocator *allocator = c10::getDeviceAllocator(c10::kCUDA);
    // The first number is of allocations of all sizes.
    auto stats = allocator->getDeviceStats(index);
    auto bytes = stats.allocated_bytes[0];
    *held = bytes.current;
    *peak = bytes.peak;
    // What the allocator keeps of freed memory is given out again.
    *free_bytes =
        static_cast<int64_t>(allocator->getMemoryInfo(index).first) + stats.reserved_bytes[0].current - bytes.current;
  });
}

int esp_cuda_device_count(void) {
  try {
    return at::detail::getCUDAHooks().deviceCount();
  } catch (const std::exception &) {
    return 0;
  }
}

bool esp_grad_enabled(void) { return c10::GradMode::is_enabled(); }
void esp_set_grad_enabled(bool enabled) { c10::GradMode::set_enabled(enabled); }
