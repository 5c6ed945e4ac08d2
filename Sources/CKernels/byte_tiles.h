/// What surrounds the tiles of levels whose activations are bytes; included after wide.h inside their target region.
///
/// A strip is done panel by panel: a few of its blocks, small enough to stay in the first-level cache while all rows
/// meet them, tile by tile. Between panels a row's sums wait in memory. Meanwhile every tile fetches its share of the
/// next panel, so that memory is read at an even pace however many rows there are.
#ifndef CK_BYTE_TILES_H
#define CK_BYTE_TILES_H

enum {
  Q8_HEADER = 64,
  Q8_BYTES = Q8_HEADER + 64 * CK_Q8_BLOCK,
  Q4_HEADER = 128,
  Q4_BYTES = Q4_HEADER + 32 * CK_Q4_BLOCK,
  /// Half of the smallest first-level cache, as the next panel comes beside this one.
  PANEL_BYTES = 14 * 1024,
  PANEL_BLOCKS = PANEL_BYTES / Q4_BYTES,
  /// Rows whose sums wait between panels: 32 KB of stack.
  CHUNK_ROWS = 128,
  /// By how much the stream of a single tile is fetched ahead: the time of an access to memory.
  AHEAD = 8192,
};

/// Some rows and a panel.
typedef struct tile {
  const char *weights;
  size_t blocks;
  /// The rows' bytes for the panel's inputs, `stride` from row to row.
  const char *activations;
  size_t stride, first_input;
  const ck_outlier *outliers;
  /// Bit b: some row has an outlier in block b.
  uint32_t outlier_blocks;
  /// From the panel's first block on, Q4 only.
  const float *block_sums;
  size_t block_sum_stride;
  /// [64]: what the integer sums begin with, `begin_step` from block to block.
  const int32_t *begin;
  size_t begin_step;
  /// [rows][64], in units of the outputs' scales.
  float *sums;
  /// What to fetch in the first block, `ahead_step` bytes further on in each other one, in bursts of so many lines.
  const char *ahead;
  size_t ahead_step, burst;
} tile;

typedef struct tile_format {
  /// Inputs and bytes of a block, and the bursts of fetches that a tile makes in it.
  size_t inputs, bytes, bursts;
  /// Sets what the integer sums begin with in each block of a panel; NULL: zeros.
  void (*prepare)(const char *weights, size_t blocks, int32_t *begin);
  size_t most_rows;
  /// By rows, from one.
  void (*tiles[6])(const tile *tile);
} tile_format;

/// Fetches the next lines. As a loop of its own it costs the arithmetic around it less than a fetch in every step.
INLINE const char *fetch(const tile *t, const char *ahead) {
  _Pragma("clang loop unroll(disable)") for (size_t i = t->burst; i > 0; i--, ahead += 64) {
    __builtin_prefetch(ahead, 0, 3);
  }
  return ahead;
}

/// The size of part `index` of as many, so that none is much smaller than another.
INLINE size_t evenly(size_t count, size_t parts, size_t index) { return count / parts + (index < count % parts); }

INLINE size_t parts_of(size_t count, size_t most) { return (count + most - 1) / most; }

/// What the integer sums of block b begin with where a row has outliers in it: `sums` is [rows][64].
INLINE void begin_with_outliers(const tile *t, size_t rows, size_t b, int nibbles, int32_t *sums) {
  typedef uint32_t u32x16 __attribute__((ext_vector_type(16)));
  const size_t length = nibbles ? CK_Q4_BLOCK : CK_Q8_BLOCK, first = t->first_input + b * length;
  const char *weights = t->weights + (nibbles ? b * Q4_BYTES + Q4_HEADER : b * Q8_BYTES + Q8_HEADER);
  for (size_t r = 0; r < rows; r++, sums += 64) {
    memcpy(sums, t->begin + b * t->begin_step, 64 * sizeof *sums);
    for (const ck_outlier *o = t->outliers + r * (CK_OUTLIERS + 1); o->input < first + length; o++) {
      if (o->input < first) continue;
      const uint32_t i = (uint32_t)(o->input - first);
      // The weight goes to the top of its 32 bits and back, which extends its sign.
      const uint32_t up = nibbles ? 28 - 8 * (i % 4) - i / 4 % 2 * 4 : 24 - 8 * (i % 4);
      const char *w = weights + (nibbles ? i / 8 : i / 4) * 256;
      for (size_t n = 0; n < 64; n += 16) {
        const i32x16 packed = *(const i32x16_at *)(w + 4 * n) << up;
        const i32x16 q = nibbles ? (i32x16)((u32x16)packed >> 28) : packed >> 24;
        *(i32x16_at *)(sums + n) += q * (256 * o->high);
      }
    }
  }
}

static __attribute__((noinline)) void begin_q8(const tile *t, size_t rows, size_t b, int32_t *sums) {
  begin_with_outliers(t, rows, b, 0, sums);
}

static __attribute__((noinline)) void begin_q4(const tile *t, size_t rows, size_t b, int32_t *sums) {
  begin_with_outliers(t, rows, b, 1, sums);
}

/// The blocks of the panel in which some row has outliers.
INLINE uint32_t outlier_blocks(const tile *t, size_t rows, size_t length) {
  uint32_t found = 0;
  const size_t end = t->first_input + t->blocks * length;
  for (size_t r = 0; r < rows; r++) {
    for (const ck_outlier *o = t->outliers + r * (CK_OUTLIERS + 1); o->input < end; o++) {
      if (o->input >= t->first_input) found |= 1u << (o->input - t->first_input) / length;
    }
  }
  return found;
}

/// Blocks `first ..< first + count` of a strip times rows `row ..< row + row_count`, added to `sums`.
INLINE void multiply_panel(
  const tile_format *format, const char *weights, size_t first, size_t count, int alone, const int32_t *begin,
  const ck_rows *rows, size_t row, size_t row_count, size_t padded, float *sums
) {
  const size_t tiles = parts_of(row_count, format->most_rows);
  const size_t burst = parts_of(format->bytes, format->bursts * tiles * 64);
  const size_t ahead_step = alone ? format->bytes : format->bursts * burst * 64;
  const char *panel = weights + first * format->bytes, *next = panel + count * format->bytes;
  for (size_t i = 0; i < tiles; i++) {
    const size_t tile_rows = evenly(row_count, tiles, i);
    tile t = {
      .weights = panel,
      .blocks = count,
      .activations = (const char *)rows->data + row * rows->stride + first * format->inputs,
      .stride = rows->stride,
      .first_input = first * format->inputs,
      .outliers = rows->outliers + row * (CK_OUTLIERS + 1),
      .block_sums = rows->block_sums ? rows->block_sums + row * (padded / 32) + first : NULL,
      .block_sum_stride = padded / 32,
      .begin = begin,
      .begin_step = format->prepare ? 64 : 0,
      .sums = sums,
      .ahead = alone ? panel + AHEAD : next + i * count * ahead_step,
      .ahead_step = ahead_step,
      .burst = i * ahead_step < format->bytes ? burst : 0,
    };
    t.outlier_blocks = outlier_blocks(&t, tile_rows, format->inputs);
    format->tiles[tile_rows - 1](&t);
    row += tile_rows;
    sums += tile_rows * 64;
  }
}

/// `ck_linear_kernel` for a format.
INLINE void multiply_bytes(
  const tile_format *format, const ck_matrix *m, const ck_rows *rows, size_t strip, ck_output output, float *out,
  size_t ldo
) {
  _Alignas(64) float sums[CHUNK_ROWS * 64];
  _Alignas(64) int32_t begin[PANEL_BLOCKS * 64];
  const size_t padded = ck_padded(m->inputs), blocks = padded / format->inputs;
  const size_t panels = parts_of(blocks, PANEL_BYTES / format->bytes), chunks = parts_of(rows->count, CHUNK_ROWS);
  const char *weights = (const char *)m->weights + strip * blocks * format->bytes;
  if (!format->prepare) memset(begin, 0, 64 * sizeof *begin);
  for (size_t chunk = 0, row = 0; chunk < chunks; chunk++) {
    const size_t row_count = evenly(rows->count, chunks, chunk);
    memset(sums, 0, row_count * 64 * sizeof *sums);
    for (size_t panel = 0, first = 0; panel < panels; panel++) {
      const size_t count = evenly(blocks, panels, panel);
      if (format->prepare) format->prepare(weights + first * format->bytes, count, begin);
      multiply_panel(
        format, weights, first, count, rows->count <= format->most_rows, begin, rows, row, row_count, padded, sums);
      first += count;
    }
    for (size_t r = 0; r < row_count; r++, row++) {
      for (size_t n = 0; n < 64; n += 16) {
        const size_t at = strip * 64 + n;
        finish_quantized(load(sums + r * 64 + n), m, rows, row, at, output, out + row * ldo + at);
      }
    }
  }
}

#endif
