/// The threads: every item of every job is done once, whoever does it, and what it wrote is seen afterwards.
///
/// With CK_POOL_ONLY a program of its own, for the thread sanitizer.
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "ckernels.h"

int check_pool(void);

enum { ITEMS = 300, ROUNDS = 10000 };

static void mark(void *job, size_t begin, size_t end, size_t thread) {
  unsigned char *marks = job;
  for (size_t i = begin; i < end; i++) marks[i] += thread < 8 ? 1 : 100;
}

static int check_threads(size_t threads) {
  ck_pool *pool = ck_pool_create(threads);
  if (!pool || ck_pool_threads(pool) != threads) return 1;
  int failures = 0;
  for (size_t round = 0; round < ROUNDS; round++) {
    unsigned char marks[ITEMS] = {0};
    const size_t count = round % 7 ? round % 23 : round % ITEMS, grain = 1 + round % 3;
    ck_pool_run(pool, count, grain, mark, marks);
    for (size_t i = 0; i < ITEMS; i++) failures += marks[i] != (i < count);
    // Now and then long enough for the others to fall asleep.
    const struct timespec pause = {0, 200000};
    if (round % 500 == 0) nanosleep(&pause, NULL);
  }
  ck_pool_destroy(pool);
  return failures;
}

int check_pool(void) {
  int failures = ck_pool_create(0) != NULL;
  for (size_t threads = 1; threads <= 5; threads++) failures += check_threads(threads);
  printf("threads: %d failures\n", failures);
  return failures;
}

#if defined(CK_POOL_ONLY)
int main(void) { return check_pool() != 0; }
#endif
