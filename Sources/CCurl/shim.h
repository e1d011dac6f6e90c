#ifndef PORTCULLIS_CCURL_H
#define PORTCULLIS_CCURL_H
#include <curl/curl.h>
#include <string.h>

// Variadic in libcurl, which Swift cannot call; each shim has the one type that its options take.
typedef size_t (*portcullis_curl_data)(char *bytes, size_t size, size_t count, void *context);
typedef int (*portcullis_curl_socket)(CURL *easy, curl_socket_t descriptor, int what, void *context, void *unused);
typedef int (*portcullis_curl_timer)(CURLM *multi, long milliseconds, void *context);

static inline CURLcode portcullis_curl_set_long(CURL *easy, CURLoption option, long value) {
  return curl_easy_setopt(easy, option, value);
}
static inline CURLcode portcullis_curl_set_text(CURL *easy, CURLoption option, const char *value) {
  return curl_easy_setopt(easy, option, value);
}
static inline CURLcode portcullis_curl_set_pointer(CURL *easy, CURLoption option, void *value) {
  return curl_easy_setopt(easy, option, value);
}
static inline CURLcode portcullis_curl_set_data(CURL *easy, CURLoption option, portcullis_curl_data function) {
  return curl_easy_setopt(easy, option, function);
}
static inline long portcullis_curl_status(CURL *easy) {
  long status = 0;
  curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
  return status;
}
static inline CURLMcode portcullis_curl_set_callbacks(
    CURLM *multi, portcullis_curl_socket socket, portcullis_curl_timer timer, void *context) {
  CURLMcode code = curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, socket);
  if (code == CURLM_OK) code = curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, context);
  if (code == CURLM_OK) code = curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, timer);
  if (code == CURLM_OK) code = curl_multi_setopt(multi, CURLMOPT_TIMERDATA, context);
  return code;
}
// The next transfer that has ended; NULL: none. CURLMsg holds a union.
static inline CURL *portcullis_curl_next_ended(CURLM *multi, CURLcode *result) {
  int left = 0;
  CURLMsg *message = curl_multi_info_read(multi, &left);
  if (!message || message->msg != CURLMSG_DONE) return NULL;
  *result = message->data.result;
  return message->easy_handle;
}
// When the certificate at `index` of those that the server showed ends, as text; NULL: there is none there.
static inline const char *portcullis_curl_certificate_end(CURL *easy, int index) {
  static const char name[] = "Expire date:";
  struct curl_certinfo *chain = NULL;
  if (curl_easy_getinfo(easy, CURLINFO_CERTINFO, &chain) != CURLE_OK || !chain) return NULL;
  if (index < 0 || index >= chain->num_of_certs) return NULL;
  for (struct curl_slist *line = chain->certinfo[index]; line; line = line->next) {
    if (strncmp(line->data, name, sizeof name - 1) == 0) return line->data + sizeof name - 1;
  }
  return NULL;
}
#endif
