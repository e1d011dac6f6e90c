#ifndef PORTCULLIS_CYAML_H
#define PORTCULLIS_CYAML_H
#include <yaml.h>
#endif
