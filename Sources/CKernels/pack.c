/// Brings row-major weights into the order in which the kernels read them.
#include <math.h>
#include <string.h>

#include "kernels.h"

#pragma STDC FP_CONTRACT OFF
#pragma clang diagnostic ignored "-Wpsabi"

static size_t strips(size_t outputs) { return ck_padded(outputs) / 64; }

size_t ck_packed_bytes(ck_format format, size_t inputs, size_t outputs) {
  switch (format) {
    case CK_FORMAT_F32: return ck_padded(outputs) * inputs * sizeof(float);
    case CK_FORMAT_Q8: return strips(outputs) * (ck_padded(inputs) / CK_Q8_BLOCK) * (64 + 64 * CK_Q8_BLOCK);
    case CK_FORMAT_Q4: return strips(outputs) * (ck_padded(inputs) / CK_Q4_BLOCK) * (128 + 32 * CK_Q4_BLOCK);
  }
  return 0;
}

int ck_all_finite(const float *values, size_t count) {
  int finite = 1;
  for (size_t i = 0; i < count; i++) finite &= fabsf(values[i]) <= 3.4028235e38f;
  return finite;
}

static void pack_f32(const float *weights, size_t inputs, size_t outputs, float *packed) {
  for (size_t n = 0; n < outputs; n++) {
    float *strip = packed + n / 64 * inputs * 64 + n % 64;
    for (size_t i = 0; i < inputs; i++) strip[i * 64] = weights[n * inputs + i];
  }
}

/// The integer nearest to v · inverse, which must be below 2^22: adding 1.5 · 2^23 leaves it in the low bits, even
/// where there is no instruction for rounding.
static inline int32_t nearest(float v, float inverse) {
  float shifted = v * inverse + 12582912.0f;
  int32_t bits;
  memcpy(&bits, &shifted, sizeof bits);
  return bits - 0x4B400000;
}

static inline int32_t clamped(int32_t v, int32_t low, int32_t high) {
  v = v < low ? low : v;
  return v > high ? high : v;
}

/// Block b of a row, times `factor`, with zeros beyond the row's end.
static inline void copy_block(
  const float *row, size_t inputs, size_t b, size_t block, float factor, float *out
) {
  size_t begin = b * block, left = begin >= inputs ? 0 : inputs - begin < block ? inputs - begin : block;
  for (size_t i = 0; i < left; i++) out[i] = row[begin + i] * factor;
  for (size_t i = left; i < block; i++) out[i] = 0;
}

/// A row whose weights are all below this is a row of zeros: inverses would overflow.
static const float tiny = 1e-30f;

static float greatest_of(const float *w, size_t count) {
  float lanes[16] = {0}, greatest = 0;
  size_t i = 0;
  for (; i + 16 <= count; i += 16) {
    for (size_t lane = 0; lane < 16; lane++) {
      float v = fabsf(w[i + lane]);
      lanes[lane] = v > lanes[lane] ? v : lanes[lane];
    }
  }
  for (; i < count; i++) lanes[0] = fabsf(w[i]) > lanes[0] ? fabsf(w[i]) : lanes[0];
  for (size_t lane = 0; lane < 16; lane++) greatest = lanes[lane] > greatest ? lanes[lane] : greatest;
  return greatest;
}

// MARK: 8 bits

static void pack_q8_row(
  const float *row, size_t inputs, uint8_t *strip, size_t lane, float *scale, float *sum
) {
  const size_t blocks = ck_padded(inputs) / CK_Q8_BLOCK, block_bytes = 64 + 64 * CK_Q8_BLOCK;
  const float greatest = greatest_of(row, inputs);
  if (greatest < tiny) return;
  const float unit = greatest / (127.0f * 255.0f), inverse_unit = 1.0f / (127.0f * unit);
  int64_t total = 0;
  for (size_t b = 0; b < blocks; b++) {
    float w[CK_Q8_BLOCK];
    copy_block(row, inputs, b, CK_Q8_BLOCK, 1, w);
    const float greatest_here = greatest_of(w, CK_Q8_BLOCK);
    if (greatest_here == 0) continue;
    const int32_t step = clamped((int32_t)ceilf(greatest_here * inverse_unit), 1, 255);
    const float inverse = 1.0f / ((float)step * unit);
    uint8_t *block = strip + b * block_bytes;
    int32_t q[CK_Q8_BLOCK], block_sum = 0;
    for (size_t i = 0; i < CK_Q8_BLOCK; i++) {
      q[i] = clamped(nearest(w[i], inverse), -127, 127);
      block_sum += q[i];
    }
    block[lane] = (uint8_t)step;
    total += (int64_t)step * block_sum;
    int8_t *to = (int8_t *)block + 64 + 4 * lane;
    for (size_t i = 0; i < CK_Q8_BLOCK; i += 4, to += 256) {
      int8_t four[4] = {(int8_t)q[i], (int8_t)q[i + 1], (int8_t)q[i + 2], (int8_t)q[i + 3]};
      memcpy(to, four, 4);
    }
  }
  *scale = unit;
  *sum = (float)total;
}

// MARK: 4 bits

typedef float f32x8 __attribute__((ext_vector_type(8)));
typedef int32_t i32x8 __attribute__((ext_vector_type(8)));

/// A block of weights, with Σw and Σw².
typedef struct block4 {
  f32x8 w[CK_Q4_BLOCK / 8];
  float sum, squares;
} block4;

/// w ≈ step · q - offset, with q in 0...15.
typedef struct grid4 {
  float step, offset;
} grid4;

/// The q chosen for a block, with Σq, Σq² and Σqw.
typedef struct choice4 {
  f32x8 q[CK_Q4_BLOCK / 8];
  float sum, squares, products;
} choice4;

static inline float fold8(f32x8 v) {
  float __attribute__((ext_vector_type(4))) a = v.lo + v.hi;
  return (a.x + a.z) + (a.y + a.w);
}

static inline block4 block4_of(const float *row, size_t inputs, size_t b, float factor) {
  block4 block;
  copy_block(row, inputs, b, CK_Q4_BLOCK, factor, (float *)block.w);
  f32x8 sum = 0, squares = 0;
  for (size_t i = 0; i < CK_Q4_BLOCK / 8; i++) {
    sum += block.w[i];
    squares += block.w[i] * block.w[i];
  }
  block.sum = fold8(sum);
  block.squares = fold8(squares);
  return block;
}

static inline choice4 choose(const block4 *block, grid4 grid) {
  const float inverse = grid.step > 0 ? 1.0f / grid.step : 0;
  choice4 choice;
  f32x8 sum = 0, squares = 0, products = 0;
  for (size_t i = 0; i < CK_Q4_BLOCK / 8; i++) {
    f32x8 q = (block->w[i] + grid.offset) * inverse;
    q = q > 0.0f ? q : (f32x8)0.0f;
    q = q < 15.0f ? q : (f32x8)15.0f;
    // Rounds, see `nearest`.
    q = (q + 12582912.0f) - 12582912.0f;
    choice.q[i] = q;
    sum += q;
    squares += q * q;
    products += q * block->w[i];
  }
  choice.sum = fold8(sum);
  choice.squares = fold8(squares);
  choice.products = fold8(products);
  return choice;
}

/// Σ(step · q - offset - w)².
static inline float error_of(const block4 *block, const choice4 *c, grid4 g) {
  return g.step * (g.step * c->squares - 2 * (g.offset * c->sum + c->products)) +
         g.offset * (CK_Q4_BLOCK * g.offset + 2 * block->sum) + block->squares;
}

/// The grid that fits the chosen q best, by least squares.
static inline grid4 fitted(const block4 *block, const choice4 *c, grid4 otherwise) {
  const float n = CK_Q4_BLOCK, determinant = n * c->squares - c->sum * c->sum;
  if (determinant <= 0) return otherwise;
  grid4 fit = {
    (n * c->products - c->sum * block->sum) / determinant,
    (c->sum * c->products - c->squares * block->sum) / determinant,
  };
  // Offsets lead below zero only.
  if (fit.offset < 0) fit = (grid4){c->products / c->squares, 0};
  return fit.step > 0 ? fit : otherwise;
}

/// Tries ranges narrower and wider than the block's own, refines each, and keeps the best.
static grid4 best_grid4(const block4 *block) {
  static const float ranges[][2] = {{1, 1},       {0.92f, 0.92f}, {0.85f, 0.85f}, {0.75f, 0.75f}, {1, 0.85f},
                                    {0.85f, 1},   {1, 0.7f},      {0.7f, 1},      {1.04f, 1.04f}};
  float low = 0, high = 0;
  for (size_t i = 0; i < CK_Q4_BLOCK; i++) {
    const float v = ((const float *)block->w)[i];
    low = v < low ? v : low;
    high = v > high ? v : high;
  }
  grid4 best = {0, 0};
  if (!(high - low > 1e-30f)) return best;
  float best_error = block->squares;
  for (size_t r = 0; r < sizeof ranges / sizeof *ranges; r++) {
    grid4 grid = {(high * ranges[r][1] - low * ranges[r][0]) / 15.0f, -low * ranges[r][0]};
    for (int refinement = 0; refinement < 3; refinement++) {
      const choice4 choice = choose(block, grid);
      const float error = error_of(block, &choice, grid);
      if (error < best_error) {
        best_error = error;
        best = grid;
      }
      grid = fitted(block, &choice, grid);
    }
  }
  return best;
}

static void pack_q4_row(
  const float *row, size_t inputs, uint8_t *strip, size_t lane, float *scale, float *sum
) {
  const size_t blocks = ck_padded(inputs) / CK_Q4_BLOCK, block_bytes = 128 + 32 * CK_Q4_BLOCK;
  const float greatest = greatest_of(row, inputs);
  if (greatest < tiny) return;
  float unit = 0;
  // Until the unit is known, the grids wait where the weights of their blocks will be.
  for (size_t b = 0; b < blocks; b++) {
    const block4 block = block4_of(row, inputs, b, 1.0f / greatest);
    const grid4 grid = best_grid4(&block);
    uint8_t *to = strip + b * block_bytes + 128 + 4 * lane;
    memcpy(to, &grid.step, 4);
    memcpy(to + 256, &grid.offset, 4);
    unit = grid.step > unit ? grid.step : unit;
    unit = grid.offset / 8.0f > unit ? grid.offset / 8.0f : unit;
  }
  unit /= 255.0f;
  int64_t total = 0;
  for (size_t b = 0; b < blocks; b++) {
    uint8_t *packed = strip + b * block_bytes, *to = packed + 128 + 4 * lane;
    grid4 grid;
    memcpy(&grid.step, to, 4);
    memcpy(&grid.offset, to + 256, 4);
    const block4 block = block4_of(row, inputs, b, 1.0f / greatest);
    const int32_t step = (int32_t)(grid.step / unit), minimum = (int32_t)(grid.offset / (8.0f * unit));
    int32_t best_step = 0, best_minimum = 0;
    choice4 best = {{0}, 0, 0, 0};
    float best_error = block.squares;
    for (int32_t i = 0; i < 4 && grid.step > 0; i++) {
      const int32_t s = clamped(step + i % 2, 0, 255), m = clamped(minimum + i / 2, 0, 255);
      const grid4 rounded = {(float)s * unit, 8.0f * (float)m * unit};
      const choice4 choice = choose(&block, rounded);
      const float error = error_of(&block, &choice, rounded);
      if (error >= best_error) continue;
      best_error = error;
      best_step = s;
      best_minimum = m;
      best = choice;
    }
    packed[lane] = (uint8_t)best_step;
    packed[64 + lane] = (uint8_t)best_minimum;
    for (size_t i = 0; i < CK_Q4_BLOCK / 8; i++, to += 256) {
      const i32x8 q = __builtin_convertvector(best.q[i], i32x8);
      for (size_t j = 0; j < 4; j++) to[j] = (uint8_t)(q[j] | q[4 + j] << 4);
    }
    total += (int64_t)best_step * (int64_t)best.sum - 8 * CK_Q4_BLOCK * (int64_t)best_minimum;
  }
  *scale = unit * greatest;
  *sum = (float)total;
}

// MARK: All

void ck_pack(
  ck_format format, const float *weights, size_t inputs, size_t outputs, void *packed, float *scales, float *sums
) {
  memset(packed, 0, ck_packed_bytes(format, inputs, outputs));
  if (format == CK_FORMAT_F32) {
    pack_f32(weights, inputs, outputs, packed);
    return;
  }
  memset(scales, 0, ck_padded(outputs) * sizeof *scales);
  memset(sums, 0, ck_padded(outputs) * sizeof *sums);
  const size_t strip_bytes = ck_packed_bytes(format, inputs, 64);
  for (size_t n = 0; n < outputs; n++) {
    uint8_t *strip = (uint8_t *)packed + n / 64 * strip_bytes;
    (format == CK_FORMAT_Q8 ? pack_q8_row : pack_q4_row)(
      weights + n * inputs, inputs, strip, n % 64, scales + n, sums + n);
  }
}

void ck_unpack_row(const ck_matrix *m, size_t row, float *out) {
  const size_t strip = row / 64, lane = row % 64;
  if (m->format == CK_FORMAT_F32) {
    const float *weights = (const float *)m->weights + strip * m->inputs * 64 + lane;
    for (size_t i = 0; i < m->inputs; i++) out[i] = weights[i * 64];
    return;
  }
  const size_t block_length = m->format == CK_FORMAT_Q8 ? CK_Q8_BLOCK : CK_Q4_BLOCK;
  const size_t strip_bytes = ck_packed_bytes(m->format, m->inputs, 64);
  const size_t block_bytes = strip_bytes / (ck_padded(m->inputs) / block_length);
  const uint8_t *block = (const uint8_t *)m->weights + strip * strip_bytes;
  for (size_t begin = 0; begin < m->inputs; begin += block_length, block += block_bytes) {
    const size_t count = m->inputs - begin < block_length ? m->inputs - begin : block_length;
    const int32_t step = block[lane];
    if (m->format == CK_FORMAT_Q8) {
      const int8_t *w = (const int8_t *)block + 64 + 4 * lane;
      for (size_t i = 0; i < count; i++) out[begin + i] = m->scales[row] * (float)(step * w[i / 4 * 256 + i % 4]);
    } else {
      const int32_t minimum = block[64 + lane];
      const uint8_t *w = block + 128 + 4 * lane;
      for (size_t i = 0; i < count; i++) {
        const int32_t both = w[i / 8 * 256 + i % 4], q = i % 8 < 4 ? both & 15 : both >> 4;
        out[begin + i] = m->scales[row] * (float)(step * q - 8 * minimum);
      }
    }
  }
}
