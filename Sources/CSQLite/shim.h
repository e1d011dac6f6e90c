#ifndef PORTCULLIS_CSQLITE_H
#define PORTCULLIS_CSQLITE_H
#include <sqlite3.h>
#endif
