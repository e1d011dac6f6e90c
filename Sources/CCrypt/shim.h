#ifndef PORTCULLIS_CCRYPT_H
#define PORTCULLIS_CCRYPT_H
#include <crypt.h>
#endif
