#ifndef PORTCULLIS_CCURL_H
#define PORTCULLIS_CCURL_H
#include <curl/curl.h>
#endif
