// Loops on libtorch's own threads.
//
// at::parallel_for is a template around `#pragma omp parallel`: compiled here, without OpenMP, it would run on one
// thread and say nothing. TensorIterator::for_each is compiled inside libtorch, with the threads that its products use.
#pragma once

#include <ATen/Parallel.h>
#include <ATen/TensorIterator.h>

#include <cstdint>

namespace espalier {

// Calls body(begin, end) for ranges that cover [0, count), of `grain` or more where there are several.
template <typename Body>
void parallel_for(int64_t count, int64_t grain, Body body) {
  if (count <= 0) return;
  if (count <= grain || at::get_num_threads() == 1) {
    body(int64_t(0), count);
    return;
  }
  // An iterator over bytes that nobody reads: only their addresses are used.
  auto index = at::empty({count}, at::TensorOptions().dtype(at::kByte));
  const char *base = static_cast<const char *>(index.const_data_ptr());
  auto iterator = at::TensorIterator::borrowing_nullary_op(index);
  iterator.for_each(
      [&](char **data, const int64_t *, int64_t size) {
        int64_t begin = *data - base;
        body(begin, begin + size);
      },
      grain);
}

}  // namespace espalier
