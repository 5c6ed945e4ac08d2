#ifndef CTOKENIZER_H
#define CTOKENIZER_H

#include <stddef.h>
#include <stdint.h>

/// GPT-2's merges in the order of their rank: the ids of the two parts as little-endian 16-bit numbers.
/// Merge i makes id 256 + i; `size` receives the number of bytes, 4 a merge.
const uint8_t *ctokenizer_gpt2_merges(size_t *size);

/// What a Unicode scalar is to GPT-2's pre-tokenizer; a scalar in no range is none of these.
enum ctokenizer_class {
  CTOKENIZER_LETTER = 1,
  CTOKENIZER_NUMBER = 2,
  CTOKENIZER_WHITESPACE = 3,
};

/// `count` scalars from `first` on are of one class.
struct ctokenizer_range {
  uint32_t first;
  uint16_t count;
  uint16_t scalar_class;
};

/// All ranges, ascending and without overlap.
const struct ctokenizer_range *ctokenizer_unicode_ranges(size_t *count);

#endif
