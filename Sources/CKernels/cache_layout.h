/// Where a head's keys and values are in a page of the K/V cache.
#ifndef CK_CACHE_LAYOUT_H
#define CK_CACHE_LAYOUT_H

#include "ckernels.h"

/// The part of a page that belongs to one head of one layer: its keys, then values, then scales, in bytes from its
/// beginning.
typedef struct ck_part {
  size_t values, key_scales, value_scales, bytes;
} ck_part;

/// Values are padded to whole vectors.
static inline size_t ck_value_width(size_t head_width) { return (head_width + 15) / 16 * 16; }

static inline ck_part ck_part_of(ck_cache_type type, size_t head_width) {
  const size_t element = type == CK_CACHE_F32 ? 4 : type == CK_CACHE_F16 ? 2 : 1;
  const size_t scales = type == CK_CACHE_I8 ? CK_PAGE_POSITIONS * sizeof(float) : 0;
  ck_part part;
  part.values = (head_width * CK_PAGE_POSITIONS * element + 63) / 64 * 64;
  part.key_scales = part.values + ck_value_width(head_width) * CK_PAGE_POSITIONS * element;
  part.value_scales = part.key_scales + scales;
  part.bytes = part.value_scales + scales;
  return part;
}

/// From the beginning of a page to a head's part.
static inline size_t ck_part_offset(const ck_attention *attention, size_t head, ck_part part) {
  return (attention->layer * attention->heads + head) * part.bytes;
}

#endif
