#include "ctokenizer.h"

static const uint8_t merges[] = {
#embed "gpt2.merges"
};

const uint8_t *ctokenizer_gpt2_merges(size_t *size) {
  *size = sizeof merges;
  return merges;
}
