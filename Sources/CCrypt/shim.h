#ifndef PORTCULLIS_CCRYPT_H
#define PORTCULLIS_CCRYPT_H
#include <crypt.h>

/* What crypt_rn works in: Swift leaves the largest members of the structure out. */
static inline int portcullis_crypt_data_size(void) { return (int)sizeof(struct crypt_data); }
#endif
