// simdjson behind a C interface: a text in, one flat block of bytes out.
#ifndef PORTCULLIS_CJSON_H
#define PORTCULLIS_CJSON_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// The first byte of a value, and what follows it. Numbers are little-endian.
typedef enum {
  CJSON_NULL,
  CJSON_FALSE,
  CJSON_TRUE,
  // int64_t.
  CJSON_INTEGER,
  // double.
  CJSON_NUMBER,
  // uint8_t, the count of bytes, and as many bytes of UTF-8, unescaped.
  CJSON_SHORT_STRING,
  // uint32_t, the count of bytes, and as many: of 256 and more.
  CJSON_STRING,
  // uint32_t, the count of bytes, and as many bytes of values.
  CJSON_ARRAY,
  // uint32_t, the count of bytes, and as many bytes of members: a string, the name, and a value.
  CJSON_OBJECT
} cjson_kind;

typedef enum {
  CJSON_PARSED,
  CJSON_MALFORMED,
  CJSON_TOO_DEEP,
  CJSON_NUMBER_OUT_OF_RANGE,
  CJSON_NOT_UTF8,
  CJSON_NAME_REPEATED,
  CJSON_NO_MEMORY
} cjson_status;

// On CJSON_PARSED, *block and *count are the text's one value, until the thread's next call.
cjson_status cjson_parse(const uint8_t *text, size_t length, size_t depth_max, const uint8_t **block, size_t *count);

#ifdef __cplusplus
}
#endif
#endif
