#ifndef PORTCULLIS_CSQLITE_H
#define PORTCULLIS_CSQLITE_H
#include <sqlite3.h>

/* SQLITE_TRANSIENT, which makes SQLite copy the bytes, is a cast that Swift does not import. */
static inline int portcullis_sqlite3_bind_text(sqlite3_stmt *statement, int index, const char *text, int count) {
  return sqlite3_bind_text(statement, index, text, count, SQLITE_TRANSIENT);
}

static inline int portcullis_sqlite3_bind_blob(sqlite3_stmt *statement, int index, const void *bytes, int count) {
  return sqlite3_bind_blob(statement, index, bytes, count, SQLITE_TRANSIENT);
}

/* A function with variable arguments. No views or triggers that somebody planted are run with functions that act. */
static inline int portcullis_sqlite3_be_defensive(sqlite3 *connection) {
  int code = sqlite3_db_config(connection, SQLITE_DBCONFIG_DEFENSIVE, 1, (int *)0);
  if (code != SQLITE_OK) return code;
  return sqlite3_db_config(connection, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, (int *)0);
}
#endif
