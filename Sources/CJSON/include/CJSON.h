// simdjson behind a C interface: a text in, a flat list of nodes in document order out.
#ifndef PORTCULLIS_CJSON_H
#define PORTCULLIS_CJSON_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum {
  CJSON_NULL,
  CJSON_FALSE,
  CJSON_TRUE,
  CJSON_INTEGER,
  CJSON_NUMBER,
  CJSON_STRING,
  CJSON_ARRAY,
  CJSON_OBJECT
} cjson_kind;

typedef enum {
  CJSON_PARSED,
  CJSON_MALFORMED,
  CJSON_TOO_DEEP,
  CJSON_NUMBER_OUT_OF_RANGE,
  CJSON_NOT_UTF8,
  CJSON_NO_MEMORY
} cjson_status;

// A value, or a member's name (a CJSON_STRING before the member's value).
typedef struct {
  cjson_kind kind;
  // Elements of an array, members of an object, bytes of a string.
  uint32_t count;
  union {
    int64_t integer;
    double number;
    // Where a string's bytes begin in cjson_texts().
    size_t offset;
  } value;
} cjson_node;

typedef struct cjson_document cjson_document;

// NULL with a status other than CJSON_PARSED. Free the document with cjson_free().
cjson_document *cjson_parse(const uint8_t *bytes, size_t length, size_t depth_max, cjson_status *status);
const cjson_node *cjson_nodes(const cjson_document *document, size_t *count);
// The unescaped strings, one after another, UTF-8.
const uint8_t *cjson_texts(const cjson_document *document, size_t *count);
void cjson_free(cjson_document *document);


#ifdef __cplusplus
}
#endif
#endif
