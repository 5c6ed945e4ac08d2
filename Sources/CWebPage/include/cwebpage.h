#ifndef CWEBPAGE_H
#define CWEBPAGE_H

#include <stddef.h>

/// A file of the page. `name` is that in the folder `files`; `bytes` has no zero at its end.
struct web_file {
  const char *name;
  const char *content_type;
  const unsigned char *bytes;
  size_t count;
};

/// All files, in the order of their names; `count` receives how many there are.
const struct web_file *web_files(size_t *count);

#endif
