#ifndef PORTCULLIS_COPENSSL_H
#define PORTCULLIS_COPENSSL_H
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/obj_mac.h>
#include <openssl/ocsp.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

// Variadic in OpenSSL, which Swift cannot call.
static inline EVP_PKEY *portcullis_generate_rsa(size_t bits) { return EVP_PKEY_Q_keygen(NULL, NULL, "RSA", bits); }
static inline EVP_PKEY *portcullis_generate_ec(const char *group) { return EVP_PKEY_Q_keygen(NULL, NULL, "EC", group); }
static inline EVP_PKEY *portcullis_generate_ed25519(void) { return EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"); }

// A combination of macros, which Swift does not import.
static inline int portcullis_public_key_selection(void) { return EVP_PKEY_PUBLIC_KEY; }

// TLS: what OpenSSL has as macros.
static inline int portcullis_ssl_set_versions(SSL_CTX *context, int minimum) {
  return SSL_CTX_set_min_proto_version(context, minimum) == 1 &&
         SSL_CTX_set_max_proto_version(context, TLS1_3_VERSION) == 1;
}
static inline int portcullis_ssl_set_groups(SSL_CTX *context, const char *groups) {
  return SSL_CTX_set1_groups_list(context, groups) == 1;
}
// Counts the handshake messages since data came last: key updates (RFC 8446 section 4.6.3), session tickets (4.6.1),
// HelloRequest. OpenSSL reads on behind each as long as there is something to read, so that a flood of them would hold
// the loop: it ends the connection. The handshake itself has less than ten.
#define PORTCULLIS_MESSAGES_MAX 32
static inline void portcullis_ssl_count_messages(int sends, int version, int type, const void *bytes, size_t count,
                                                 SSL *ssl, void *argument) {
  if (sends || type != SSL3_RT_HANDSHAKE) return;
  uintptr_t messages = (uintptr_t)SSL_get_app_data(ssl) + 1;
  SSL_set_app_data(ssl, (void *)messages);
  if (messages > PORTCULLIS_MESSAGES_MAX) SSL_set_shutdown(ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
}
static inline void portcullis_ssl_forget_messages(SSL *ssl) { SSL_set_app_data(ssl, NULL); }
// The end that OpenSSL then speaks of is not the peer's.
static inline int portcullis_ssl_is_flooded(SSL *ssl) {
  return (uintptr_t)SSL_get_app_data(ssl) > PORTCULLIS_MESSAGES_MAX;
}

// What holds for both sides: no renegotiation, no compression; buffers are given back while a connection is idle, and a
// write may be continued from another place. Not in the kernel, whatever openssl.cnf says: OpenSSL 3.0 then keeps no
// copy of what could not be sent, and a write that is continued from another place sends what has come into the first
// (github.com/openssl/openssl/issues/21202).
static inline void portcullis_ssl_prepare(SSL_CTX *context) {
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  SSL_CTX_clear_options(context, SSL_OP_ENABLE_KTLS);
  SSL_CTX_set_msg_callback(context, portcullis_ssl_count_messages);
  // The chain is what the certificate's file has: looked for, it would be verified anew in each handshake.
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                SSL_MODE_RELEASE_BUFFERS | SSL_MODE_AUTO_RETRY | SSL_MODE_NO_AUTO_CHAIN);
}
// No cache of sessions. A request frames itself, so that an end without close_notify is seen to cut it (RFC 9112 section
// 9.8); as an error of TLS it would forbid to answer a client that has closed its half.
static inline void portcullis_ssl_prepare_server(SSL_CTX *context) {
  SSL_CTX_set_options(context, SSL_OP_IGNORE_UNEXPECTED_EOF);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
}
// Sessions are kept by whoever `call` gives them to. An answer may end with its connection: an end without close_notify
// is an error, whatever openssl.cnf says.
static inline void portcullis_ssl_prepare_client(SSL_CTX *context, int (*call)(SSL *, SSL_SESSION *)) {
  SSL_CTX_clear_options(context, SSL_OP_IGNORE_UNEXPECTED_EOF);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(context, call);
}
// Names the host in the handshake (RFC 6066 section 3).
static inline int portcullis_ssl_name_host(SSL *ssl, const char *name) {
  return SSL_set_tlsext_host_name(ssl, name) == 1;
}
static inline int portcullis_ssl_new_index(void) { return SSL_get_ex_new_index(0, NULL, NULL, NULL, NULL); }
static inline int portcullis_ssl_add_chain(SSL_CTX *context, X509 *certificate) {
  return SSL_CTX_add1_chain_cert(context, certificate) == 1;
}
static inline void portcullis_ssl_on_server_name(SSL_CTX *context, int (*call)(SSL *, int *, void *), void *argument) {
  SSL_CTX_set_tlsext_servername_callback(context, call);
  SSL_CTX_set_tlsext_servername_arg(context, argument);
}
static inline void portcullis_ssl_on_status(SSL_CTX *context, int (*call)(SSL *, void *), void *argument) {
  SSL_CTX_set_tlsext_status_cb(context, call);
  SSL_CTX_set_tlsext_status_arg(context, argument);
}
// The connection owns a copy of the OCSP response.
static inline int portcullis_ssl_set_status(SSL *ssl, const unsigned char *response, size_t count) {
  unsigned char *copy = OPENSSL_memdup(response, count);
  if (copy == NULL) return 0;
  if (SSL_set_tlsext_status_ocsp_resp(ssl, copy, (long)count) == 1) return 1;
  OPENSSL_free(copy);
  return 0;
}
static inline uint64_t portcullis_ssl_bytes_received(SSL *ssl) { return BIO_number_read(SSL_get_rbio(ssl)); }

// The code of an error says that PEM has ended, and not that it is bad.
static inline int portcullis_is_pem_end(unsigned long code) {
  return ERR_GET_LIB(code) == ERR_LIB_PEM && ERR_GET_REASON(code) == PEM_R_NO_START_LINE;
}
static inline int portcullis_error_reason(unsigned long code) { return ERR_GET_REASON(code); }

// Begins to encrypt or to open a session ticket: AES-256-CBC, and HMAC with SHA-256 over it (RFC 5077 §4).
static inline int portcullis_ticket_begin(EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac, const unsigned char *key,
                                          const unsigned char *mac_key, size_t mac_key_count,
                                          const unsigned char *iv, int encrypts) {
  OSSL_PARAM parameters[] = {
      OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, (void *)mac_key, mac_key_count),
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)"SHA256", 0),
      OSSL_PARAM_construct_end(),
  };
  return EVP_MAC_CTX_set_params(mac, parameters) == 1 &&
         EVP_CipherInit_ex(cipher, EVP_aes_256_cbc(), NULL, key, iv, encrypts) == 1;
}

// The subject alternative names of a certificate (RFC 5280 §4.2.1.6), in their order.
static inline int portcullis_name_count(const GENERAL_NAMES *names) { return sk_GENERAL_NAME_num(names); }
// GEN_DNS, GEN_IPADD, GEN_URI, GEN_EMAIL or another type; the bytes of those four.
static inline int portcullis_name_at(const GENERAL_NAMES *names, int index, const unsigned char **bytes, int *count) {
  const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, index);
  const ASN1_STRING *text = name->type == GEN_DNS     ? name->d.dNSName
                            : name->type == GEN_IPADD ? name->d.iPAddress
                            : name->type == GEN_URI   ? name->d.uniformResourceIdentifier
                            : name->type == GEN_EMAIL ? name->d.rfc822Name
                                                      : NULL;
  *bytes = text == NULL ? NULL : ASN1_STRING_get0_data(text);
  *count = text == NULL ? 0 : ASN1_STRING_length(text);
  return name->type;
}
static inline void portcullis_names_free(GENERAL_NAMES *names) { GENERAL_NAMES_free(names); }

// A distinguished name as RFC 4514 writes it; -1 where it cannot be written.
static inline int portcullis_write_name(BIO *output, const X509_NAME *name) {
  return X509_NAME_print_ex(output, name, 0, XN_FLAG_RFC2253);
}
// Seconds since 1970; -1 where it is no time.
static inline int64_t portcullis_seconds(const ASN1_TIME *time) {
  struct tm parts;
  return ASN1_TIME_to_tm(time, &parts) == 1 ? (int64_t)timegm(&parts) : -1;
}
#endif
