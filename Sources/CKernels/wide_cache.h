/// The numbers of the K/V cache over vectors of 16 floats: how they are written, and how they become floats again.
/// Included by wide_attention.h.
#ifndef CK_WIDE_CACHE_H
#define CK_WIDE_CACHE_H

#include "cache_layout.h"

typedef _Float16 f16x16 __attribute__((ext_vector_type(16)));
typedef _Float16 f16x16_at __attribute__((ext_vector_type(16), aligned(2), may_alias));
typedef int8_t s8x16 __attribute__((ext_vector_type(16)));
typedef int8_t s8x16_at __attribute__((ext_vector_type(16), aligned(1), may_alias));

#define EACH _Pragma("clang loop unroll(full)") for

INLINE size_t element_bytes(ck_cache_type type) { return type == CK_CACHE_F32 ? 4 : type == CK_CACHE_F16 ? 2 : 1; }

/// 16 stored numbers, element `index` and on.
INLINE f32x16 cached(ck_cache_type type, const char *p, size_t index) {
  switch (type) {
    case CK_CACHE_F32: return load((const float *)p + index);
    case CK_CACHE_F16: return __builtin_convertvector(*(const f16x16_at *)(p + 2 * index), f32x16);
    case CK_CACHE_I8: return __builtin_convertvector(*(const s8x16_at *)(p + index), f32x16);
  }
}

/// Up to 16 floats, and zeros for the rest.
INLINE f32x16 load_first(const float *p, size_t count) {
  if (count >= 16) return load(p);
  float lanes[16] = {0};
  for (size_t i = 0; i < count; i++) lanes[i] = p[i];
  return load(lanes);
}

/// The largest magnitude; nothing so small that its inverse overflows, nothing infinite.
INLINE float reach(const float *x, size_t count) {
  f32x16 top = all(0.0f);
  for (size_t i = 0; i < count; i += 16) {
    top = larger(magnitude(load_first(x + i, count - i)), top);
  }
  float v = largest(smaller(top, all(3.0e38f)));
  return v > 1e-30f ? v : 0;
}

/// The largest f16 for what is beyond it: an infinity would turn the whole sequence into NaN.
INLINE f16x16 halves(f32x16 v) {
  const f32x16 limit = all(65504.0f);
  v = v > limit ? limit : v;
  return __builtin_convertvector(v < -limit ? -limit : v, f16x16);
}

INLINE s8x16 quantized_s8(f32x16 v, float inverse) {
  v = __builtin_elementwise_roundeven(v * all(inverse));
  return __builtin_convertvector(larger(smaller(v, all(127.0f)), all(-127.0f)), s8x16);
}

/// Scatters the lanes of a vector over a column of 16 columns.
#define SCATTER(TYPE, V, COUNT)                                                                  \
  {                                                                                              \
    TYPE lanes[16];                                                                              \
    __builtin_memcpy(lanes, &(V), sizeof lanes);                                                 \
    if ((COUNT) >= 16) {                                                                         \
      EACH(size_t i = 0; i < 16; i++)((TYPE *)keys)[(d + i) * CK_PAGE_POSITIONS] = lanes[i];     \
    } else {                                                                                     \
      for (size_t i = 0; i < (COUNT); i++) ((TYPE *)keys)[(d + i) * CK_PAGE_POSITIONS] = lanes[i]; \
    }                                                                                            \
  }

INLINE void append_any(
  ck_cache_type type, const ck_attention *a, void *const *pages, size_t head, size_t t, const float *key,
  const float *value
) {
  const size_t width = a->head_width, lane = t % CK_PAGE_POSITIONS, element = element_bytes(type);
  const ck_part layout = ck_part_of(type, width);
  char *part = (char *)pages[t / CK_PAGE_POSITIONS] + ck_part_offset(a, head, layout);
  char *keys = part + lane * element, *values = part + layout.values + lane * ck_value_width(width) * element;
  float key_inverse = 0, value_inverse = 0;
  if (type == CK_CACHE_I8) {
    const float key_reach = reach(key, width), value_reach = reach(value, width);
    key_inverse = key_reach > 0 ? 127.0f / key_reach : 0;
    value_inverse = value_reach > 0 ? 127.0f / value_reach : 0;
    ((float *)(part + layout.key_scales))[lane] = key_reach / 127.0f;
    ((float *)(part + layout.value_scales))[lane] = value_reach / 127.0f;
  }
  for (size_t d = 0; d < width; d += 16) {
    const f32x16 k = load_first(key + d, width - d), v = load_first(value + d, width - d);
    switch (type) {
      case CK_CACHE_F32: {
        SCATTER(uint32_t, k, width - d)
        store((float *)values + d, v);
        break;
      }
      case CK_CACHE_F16: {
        const f16x16 h = halves(k);
        SCATTER(uint16_t, h, width - d)
        *(f16x16_at *)(values + 2 * d) = halves(v);
        break;
      }
      case CK_CACHE_I8: {
        const s8x16 q = quantized_s8(k, key_inverse);
        SCATTER(uint8_t, q, width - d)
        *(s8x16_at *)(values + d) = quantized_s8(v, value_inverse);
        break;
      }
    }
  }
}

#endif
