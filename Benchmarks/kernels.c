/// How fast the kernels are beside what this machine can do: all matrices of a step of GPT-2 small, the head
/// included, for each format and number of rows; with the layer norms and quantization that belong to them, without
/// attention and sampling.
///
/// Usage: kernels [threads] [format ...]; the format is f32, q8 or q4, and CK_LEVEL names a level.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "ckernels.h"

enum { WIDTH = 768, LAYERS = 12, VOCABULARY = 50257, MAX_ROWS = 128 };
static const char *const format_names[] = {"f32", "q8", "q4"};
static const double seconds_per_figure = 0.8;

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/// On huge pages where there are any, as the engine's weights are.
static void *memory(size_t bytes) {
  void *p = NULL;
  bytes = (bytes + (1 << 21) - 1) >> 21 << 21;
  if (posix_memalign(&p, 1 << 21, bytes)) exit(2);
#if defined(MADV_HUGEPAGE)
  madvise(p, bytes, MADV_HUGEPAGE);
#endif
  return memset(p, 0, bytes);
}

static uint32_t random_bits(void) {
  static uint64_t state = 1;
  state = state * 6364136223846793005u + 1442695040888963407u;
  return (uint32_t)(state >> 32);
}

/// The least of many repetitions: others who share the machine can only add to it.
static double least_time(void (*work)(void *), void *argument) {
  double least = 1e9;
  work(argument);
  for (double end = now() + seconds_per_figure; now() < end;) {
    double begin = now();
    work(argument);
    double took = now() - begin;
    least = took < least ? took : least;
  }
  return least;
}

// MARK: Limits

enum { CHUNK = 1 << 16 };
static volatile uint64_t sink;

static void read_chunks(void *buffer, size_t begin, size_t end, size_t thread) {
  (void)thread;
  const uint64_t *words = buffer;
  uint64_t sums[16] = {0};
  for (size_t i = begin * CHUNK / 8; i < end * CHUNK / 8; i += 16) {
    for (size_t lane = 0; lane < 16; lane++) sums[lane] ^= words[i + lane];
  }
  for (size_t lane = 0; lane < 16; lane++) sink ^= sums[lane];
}

typedef struct reading {
  ck_pool *pool;
  void *buffer;
  size_t bytes;
} reading;

static void read_all(void *argument) {
  reading *r = argument;
  ck_pool_run(r->pool, r->bytes / CHUNK, 1, read_chunks, r->buffer);
}

enum { ROUNDS = 100000 };
static ck_level current;

#if defined(__x86_64__)
#define ON_REGISTERS(CODE)                                                                             \
  for (int i = 0; i < ROUNDS; i++) {                                                                   \
    __asm__ volatile(CODE(0) CODE(1) CODE(2) CODE(3) CODE(4) CODE(5) CODE(6) CODE(7)::                  \
      : "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10",       \
        "xmm11", "xmm12", "xmm13", "xmm14", "xmm15");                                                   \
  }
#define MADD_ADD(I) "vpmaddwd %%ymm14, %%ymm15, %%ymm8\n vpaddd %%ymm8, %%ymm" #I ", %%ymm" #I "\n"
#define FMA(I) "vfmadd231ps %%ymm14, %%ymm15, %%ymm" #I "\n"
#define DOT(I) "vpdpbusd %%zmm14, %%zmm15, %%zmm" #I "\n"
#define FMA512(I) "vfmadd231ps %%zmm14, %%zmm15, %%zmm" #I "\n"
#elif defined(__aarch64__)
#define ON_REGISTERS(CODE)                                                                             \
  for (int i = 0; i < ROUNDS; i++) {                                                                   \
    __asm__ volatile(".arch_extension dotprod\n" CODE(0) CODE(1) CODE(2) CODE(3) CODE(4) CODE(5) CODE(6) CODE(7) \
      ::: "v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7");                                             \
  }
#define SDOT(I) "sdot v" #I ".4s, v30.16b, v31.4b[0]\n"
#define FMLA(I) "fmla v" #I ".4s, v30.4s, v31.s[0]\n"
#endif

/// Multiplications of one round of the level's instruction for the format, whose operands are in registers.
static double multiplications(ck_format format) {
  const int f32 = format == CK_FORMAT_F32;
  switch (current) {
    case CK_LEVEL_AVX2: return 8 * (f32 ? 8 : 16);
    case CK_LEVEL_AVX512VNNI: return 8 * (f32 ? 16 : 64);
    case CK_LEVEL_NEON: return 8 * (f32 ? 4 : 16);
    default: return 0;
  }
}

static void multiply_in_registers(void *argument, size_t begin, size_t end, size_t thread) {
  (void)thread;
  const int f32 = *(const ck_format *)argument == CK_FORMAT_F32;
  for (size_t item = begin; item < end; item++) {
#if defined(__x86_64__)
    if (current == CK_LEVEL_AVX2 && f32) ON_REGISTERS(FMA)
    if (current == CK_LEVEL_AVX2 && !f32) ON_REGISTERS(MADD_ADD)
    if (current == CK_LEVEL_AVX512VNNI && f32) ON_REGISTERS(FMA512)
    if (current == CK_LEVEL_AVX512VNNI && !f32) ON_REGISTERS(DOT)
#elif defined(__aarch64__)
    if (current == CK_LEVEL_NEON && f32) ON_REGISTERS(FMLA)
    if (current == CK_LEVEL_NEON && !f32) ON_REGISTERS(SDOT)
#endif
  }
}

typedef struct multiplying {
  ck_pool *pool;
  ck_format format;
} multiplying;

static void multiply_all(void *argument) {
  multiplying *m = argument;
  ck_pool_run(m->pool, ck_pool_threads(m->pool), 1, multiply_in_registers, &m->format);
}

/// About two microseconds of work that no other thread can help with.
static void spend(void *job, size_t begin, size_t end, size_t thread) {
  (void)job, (void)thread;
  for (size_t item = begin; item < end; item++) {
    for (volatile int i = 0; i < 3500; i = i + 1) continue;
  }
}

enum { SHORT_JOBS = 50 };

static void spend_alone(void *pool) {
  (void)pool;
  for (int i = 0; i < SHORT_JOBS; i++) spend(NULL, 0, 1, 0);
}

static void spend_together(void *pool) {
  for (int i = 0; i < SHORT_JOBS; i++) ck_pool_run(pool, ck_pool_threads(pool), 1, spend, NULL);
}

// MARK: Steps

typedef struct model {
  ck_context *context;
  ck_matrix layers[LAYERS][4], head;
  ck_norm norm;
  size_t bytes, rows, ld;
  float *x, *y, *logits;
} model;

/// Random weights, made as packed bytes: the speed does not depend on what they are.
static ck_matrix random_matrix(ck_format format, size_t inputs, size_t outputs, size_t *total) {
  size_t bytes = ck_packed_bytes(format, inputs, outputs);
  uint32_t *packed = memory(bytes);
  for (size_t i = 0; i < bytes / 4; i++) {
    uint32_t value = random_bits();
    float weight = ((float)value / 4294967296.0f - 0.5f) * 0.1f;
    if (format == CK_FORMAT_F32) memcpy(packed + i, &weight, 4);
    else packed[i] = value;
  }
  float *scales = memory(ck_padded(outputs) * 4), *sums = memory(ck_padded(outputs) * 4);
  float *bias = memory(ck_padded(outputs) * 4);
  for (size_t n = 0; n < outputs; n++) scales[n] = 1e-7f;
  *total += bytes;
  return (ck_matrix){format, inputs, outputs, packed, scales, sums, bias};
}

static void step(void *argument) {
  model *m = argument;
  for (size_t l = 0; l < LAYERS; l++) {
    ck_matrix *matrices = m->layers[l];
    ck_linear(m->context, matrices, &m->norm, m->x, m->ld, m->rows, CK_OUTPUT_STORE, m->y, m->ld);
    ck_linear(m->context, matrices + 1, NULL, m->y, m->ld, m->rows, CK_OUTPUT_ADD, m->x, m->ld);
    ck_linear(m->context, matrices + 2, &m->norm, m->x, m->ld, m->rows, CK_OUTPUT_GELU_TANH, m->y, m->ld);
    ck_linear(m->context, matrices + 3, NULL, m->y, m->ld, m->rows, CK_OUTPUT_ADD, m->x, m->ld);
  }
  ck_linear(m->context, &m->head, &m->norm, m->x, m->ld, m->rows, CK_OUTPUT_STORE, m->logits, ck_padded(VOCABULARY));
  for (size_t i = 0; i < m->rows * m->ld; i++) m->x[i] = 0.001f * (float)(i * 7919 % 2001) - 1;
}

static void measure(ck_format format, size_t threads) {
  model m = {.context = ck_context_create(current, threads, MAX_ROWS, 4 * WIDTH), .ld = 4 * WIDTH};
  if (!m.context) exit(2);
  const size_t shapes[4][2] = {{WIDTH, 3 * WIDTH}, {WIDTH, WIDTH}, {WIDTH, 4 * WIDTH}, {4 * WIDTH, WIDTH}};
  double weights = (double)WIDTH * VOCABULARY;
  for (size_t l = 0; l < LAYERS; l++) {
    for (size_t i = 0; i < 4; i++) {
      m.layers[l][i] = random_matrix(format, shapes[i][0], shapes[i][1], &m.bytes);
      weights += (double)shapes[i][0] * (double)shapes[i][1];
    }
  }
  m.head = random_matrix(format, WIDTH, VOCABULARY, &m.bytes);
  float *ones = memory(4 * WIDTH * 4);
  for (size_t i = 0; i < WIDTH; i++) ones[i] = 1;
  m.norm = (ck_norm){ones, memory(4 * WIDTH * 4), 1e-5f};
  m.x = memory(MAX_ROWS * m.ld * 4);
  m.y = memory(MAX_ROWS * m.ld * 4);
  m.logits = memory((size_t)MAX_ROWS * ck_padded(VOCABULARY) * 4);

  ck_pool *pool = ck_context_pool(m.context);
  reading reading = {pool, memory(m.bytes), m.bytes};
  multiplying multiplying = {pool, format};
  double bandwidth = (double)m.bytes / least_time(read_all, &reading) / 1e9;
  double peak = (double)threads * ROUNDS * multiplications(format) / least_time(multiply_all, &multiplying) / 1e9;
  free(reading.buffer);
  printf(
    "\n%s, %s, %zu threads: %.1f MB of weights; limits: reading %.1f GB/s, multiplying %.0f GMAC/s\n",
    format_names[format], ck_level_name(current), threads, (double)m.bytes / 1e6, bandwidth, peak);
  printf("%6s %9s %9s %9s %8s %11s\n", "rows", "ms", "rows/s", "GMAC/s", "GB/s", "of limit");
  const size_t rows[] = {1, 2, 4, 8, 16, 32, 64, 128};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    m.rows = rows[i];
    double took = least_time(step, &m), count = (double)rows[i];
    double limit = (double)m.bytes / bandwidth / 1e9;
    if (peak > 0 && count * weights / peak / 1e9 > limit) limit = count * weights / peak / 1e9;
    printf(
      "%6zu %9.3f %9.0f %9.1f %8.1f %10.0f%%\n", rows[i], took * 1e3, count / took, count * weights / took / 1e9,
      (double)m.bytes / took / 1e9, 100 * limit / took);
  }
  ck_context_destroy(m.context);
}

static void measure_packing(void) {
  enum { OUTPUTS = 3072 };
  float *weights = memory((size_t)WIDTH * OUTPUTS * 4), *scales = memory(OUTPUTS * 4), *sums = memory(OUTPUTS * 4);
  for (size_t i = 0; i < (size_t)WIDTH * OUTPUTS; i++) weights[i] = (float)random_bits() / 4294967296.0f - 0.5f;
  void *packed = memory(ck_packed_bytes(CK_FORMAT_F32, WIDTH, OUTPUTS));
  for (int format = CK_FORMAT_F32; format <= CK_FORMAT_Q4; format++) {
    double begin = now();
    ck_pack((ck_format)format, weights, WIDTH, OUTPUTS, packed, scales, sums);
    double rate = WIDTH * OUTPUTS / (now() - begin);
    printf("packing %s: %.0f million weights/s on one thread\n", format_names[format], rate / 1e6);
  }
}

int main(int count, char **arguments) {
  char error[200];
  size_t threads = count > 1 ? (size_t)strtoul(arguments[1], NULL, 10) : 1;
  if (ck_select_level(&current, error, sizeof error) || threads < 1 || threads > 1024) {
    fprintf(stderr, "%s\n", threads < 1 || threads > 1024 ? "threads: 1 to 1024" : error);
    return 1;
  }
  ck_pool *pool = ck_pool_create(threads);
  if (!pool) return 2;
  double alone = least_time(spend_alone, pool), together = least_time(spend_together, pool);
  printf(
    "a job of %.2f µs for each of %zu threads takes %.2f µs more\n", alone / SHORT_JOBS * 1e6, threads,
    (together - alone) / SHORT_JOBS * 1e6);
  ck_pool_destroy(pool);
  measure_packing();
  for (int format = CK_FORMAT_F32; format <= CK_FORMAT_Q4; format++) {
    int wanted = count < 3;
    for (int i = 2; i < count; i++) wanted |= !strcmp(arguments[i], format_names[format]);
    if (wanted) measure((ck_format)format, threads);
  }
  return 0;
}
