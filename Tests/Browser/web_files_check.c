// Writes what is embedded: for each file its name, content type and size in one line, and then its bytes.

#include <stdio.h>

#include "cwebpage.h"

int main(void) {
  size_t count = 0;
  const struct web_file *files = web_files(&count);
  for (size_t index = 0; index < count; index += 1) {
    printf("%s %zu %s\n", files[index].name, files[index].count, files[index].content_type);
    if (fwrite(files[index].bytes, 1, files[index].count, stdout) != files[index].count) return 1;
  }
  return 0;
}
