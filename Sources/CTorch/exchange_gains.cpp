// What groups of columns gain when they exchange one member each: the inner loop of a search for an order of columns.
#include <vector>

#include "handles.h"
#include "parallel.h"

using namespace espalier;

namespace {

// The `keep`-th highest of a group's scores without its member `left_out`: what another member must exceed to count.
float threshold(const float *row, const int32_t *group, int64_t size, int64_t keep, int64_t left_out, float *scratch) {
  int64_t count = 0;
  for (int64_t i = 0; i < size; ++i) {
    if (i == left_out) continue;
    // Insertion from the highest down; groups are small.
    float score = row[group[i]];
    int64_t place = count++;
    for (; place > 0 && scratch[place - 1] < score; --place) scratch[place] = scratch[place - 1];
    scratch[place] = score;
  }
  return scratch[keep - 1];
}

ESP_MULTIVERSION void add_excess(float *__restrict sums, const float *__restrict thresholds, float score,
                                 int64_t count) {
  for (int64_t j = 0; j < count; ++j) {
    float excess = score - thresholds[j];
    sums[j] += excess > 0 ? excess : 0.0f;
  }
}

}  // namespace

bool esp_exchange_gains(esp_tensor scores, const int32_t *groups, int64_t count, int64_t size, int64_t keep,
                        int64_t member, float *gains) {
  return act([&] {
    auto s = scores->value;
    TORCH_CHECK(s.dim() == 2 && s.scalar_type() == at::kFloat && s.is_contiguous() && s.device().is_cpu(),
                "a contiguous float32 matrix of the processor is needed");
    TORCH_CHECK(keep > 0 && keep < size && member >= 0 && member < size, "a group keeps some of its members");
    int64_t rows = s.size(0), width = s.size(1);
    for (int64_t i = 0; i < count * size; ++i)
      TORCH_CHECK(groups[i] >= 0 && groups[i] < width, "a group has a column that is not there");
    const float *data = s.data_ptr<float>();
    std::vector<float> thresholds(rows * count);
    parallel_for(rows, 16, [&](int64_t begin, int64_t end) {
      std::vector<float> scratch(size);
      for (int64_t r = begin; r < end; ++r)
        for (int64_t j = 0; j < count; ++j)
          thresholds[r * count + j] =
              threshold(data + r * width, groups + j * size, size, keep, member, scratch.data());
    });
    // Rows in order for every pair: the sums do not depend on the number of threads.
    std::fill(gains, gains + count * count, 0.0f);
    parallel_for(count, 8, [&](int64_t begin, int64_t end) {
      for (int64_t r = 0; r < rows; ++r)
        for (int64_t i = begin; i < end; ++i)
          add_excess(gains + i * count, thresholds.data() + r * count, data[r * width + groups[i * size + member]],
                     count);
    });
  });
}
