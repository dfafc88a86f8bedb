#include <dlfcn.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "CCurl.h"

// Names and numbers are those of curl/curl.h, which keeps them for good.
enum {
  OPT_WRITEDATA = 10001,
  OPT_URL = 10002,
  OPT_ERRORBUFFER = 10010,
  OPT_WRITEFUNCTION = 20011,
  OPT_POSTFIELDS = 10015,
  OPT_HTTPHEADER = 10023,
  OPT_HEADERDATA = 10029,
  OPT_POST = 47,
  OPT_FOLLOWLOCATION = 52,
  OPT_HEADERFUNCTION = 20079,
  OPT_NOSIGNAL = 99,
  OPT_POSTFIELDSIZE_LARGE = 30120,
  OPT_TIMEOUT_MS = 155,
  OPT_CONNECTTIMEOUT_MS = 156,
  OPT_PROTOCOLS = 181,
  OPT_SUPPRESS_CONNECT_HEADERS = 265,
  INFO_RESPONSE_CODE = 0x200002,
  PROTOCOLS_HTTP_HTTPS = 3,
  GLOBAL_DEFAULT = 3,
  E_COULDNT_RESOLVE_PROXY = 5,
  E_COULDNT_RESOLVE_HOST = 6,
  E_COULDNT_CONNECT = 7,
  E_WEIRD_SERVER_REPLY = 8,
  E_PARTIAL_FILE = 18,
  E_WRITE_ERROR = 23,
  E_OPERATION_TIMEDOUT = 28,
  E_SSL_CONNECT_ERROR = 35,
  E_GOT_NOTHING = 52,
  E_SEND_ERROR = 55,
  E_RECV_ERROR = 56,
  E_SSL_CERTPROBLEM = 58,
  E_SSL_CIPHER = 59,
  E_PEER_FAILED_VERIFICATION = 60,
  E_SSL_CACERT_BADFILE = 77,
  E_SSL_ISSUER_ERROR = 83,
  E_HTTP2_STREAM = 92
};

typedef void curl_handle;
typedef struct curl_list curl_list;

// What variable arguments are passed by differs from what others are, so that the type says them.
static struct {
  int (*global_init)(long);
  curl_handle *(*make)(void);
  void (*cleanup)(curl_handle *);
  void (*reset)(curl_handle *);
  int (*setopt)(curl_handle *, int, ...);
  int (*getinfo)(curl_handle *, int, ...);
  int (*perform)(curl_handle *);
  curl_list *(*append)(curl_list *, const char *);
  void (*free_all)(curl_list *);
  const char *(*text_of)(int);
  bool is_open;
  char message[256];
} curl;

static void open_library(void) {
#ifdef __APPLE__
  static const char *const names[] = {"/usr/lib/libcurl.4.dylib", "libcurl.4.dylib"};
#else
  static const char *const names[] = {"libcurl.so.4", "libcurl-gnutls.so.4", "libcurl.so"};
#endif
  void *library = NULL;
  for (size_t i = 0; i < sizeof names / sizeof *names && !library; i++) {
    library = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
    if (!library && i == 0) {
      const char *why = dlerror();
      snprintf(curl.message, sizeof curl.message, "%s", why ? why : names[i]);
    }
  }
  if (!library) return;
  const struct {
    void *place;
    const char *name;
  } symbols[] = {
      {&curl.global_init, "curl_global_init"}, {&curl.make, "curl_easy_init"},
      {&curl.cleanup, "curl_easy_cleanup"},    {&curl.reset, "curl_easy_reset"},
      {&curl.setopt, "curl_easy_setopt"},      {&curl.getinfo, "curl_easy_getinfo"},
      {&curl.perform, "curl_easy_perform"},    {&curl.append, "curl_slist_append"},
      {&curl.free_all, "curl_slist_free_all"}, {&curl.text_of, "curl_easy_strerror"},
  };
  for (size_t i = 0; i < sizeof symbols / sizeof *symbols; i++) {
    void *symbol = dlsym(library, symbols[i].name);
    if (!symbol) {
      snprintf(curl.message, sizeof curl.message, "libcurl has no %s", symbols[i].name);
      return;
    }
    memcpy(symbols[i].place, &symbol, sizeof symbol);
  }
  const int code = curl.global_init(GLOBAL_DEFAULT);
  if (code) {
    snprintf(curl.message, sizeof curl.message, "%s", curl.text_of(code));
    return;
  }
  curl.is_open = true;
}

struct esp_curl_s {
  curl_handle *handle;
};

esp_curl esp_curl_open(char *message, size_t size) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, open_library);
  const char *why = curl.message;
  if (curl.is_open) {
    struct esp_curl_s *connection = malloc(sizeof *connection);
    if (connection && (connection->handle = curl.make())) return connection;
    free(connection);
    why = "out of memory";
  }
  snprintf(message, size, "%s", why);
  return NULL;
}

void esp_curl_close(esp_curl connection) {
  if (!connection) return;
  curl.cleanup(connection->handle);
  free(connection);
}

typedef struct {
  const esp_curl_request *request;
  bool is_stopped;
} answer;

static size_t take_header(char *bytes, size_t size, size_t count, void *context) {
  answer *to = context;
  if (to->request->header(to->request->context, bytes, size * count)) return size * count;
  to->is_stopped = true;
  return 0;
}

static size_t take_body(char *bytes, size_t size, size_t count, void *context) {
  answer *to = context;
  if (to->request->body_part(to->request->context, bytes, size * count)) return size * count;
  to->is_stopped = true;
  return 0;
}

static esp_curl_outcome outcome_of(int code, bool is_stopped) {
  if (is_stopped) return ESP_CURL_STOPPED;
  switch (code) {
    case 0:
      return ESP_CURL_DONE;
    case E_COULDNT_RESOLVE_PROXY:
    case E_COULDNT_RESOLVE_HOST:
    case E_COULDNT_CONNECT:
      return ESP_CURL_NOT_REACHED;
    case E_OPERATION_TIMEDOUT:
      return ESP_CURL_TIMED_OUT;
    case E_SSL_CONNECT_ERROR:
    case E_SSL_CERTPROBLEM:
    case E_SSL_CIPHER:
    case E_PEER_FAILED_VERIFICATION:
    case E_SSL_CACERT_BADFILE:
    case E_SSL_ISSUER_ERROR:
      return ESP_CURL_UNTRUSTED;
    case E_WEIRD_SERVER_REPLY:
    case E_PARTIAL_FILE:
    case E_WRITE_ERROR:
    case E_GOT_NOTHING:
    case E_SEND_ERROR:
    case E_RECV_ERROR:
    case E_HTTP2_STREAM:
      return ESP_CURL_BROKEN;
    default:
      return ESP_CURL_OTHER;
  }
}

esp_curl_result esp_curl_perform(esp_curl connection, const esp_curl_request *request) {
  esp_curl_result result = {ESP_CURL_OTHER, 0, ""};
  answer to = {request, false};
  curl_handle *handle = connection->handle;
  char message[256] = "";  // CURL_ERROR_SIZE
  curl_list *headers = NULL;
  for (size_t i = 0; i < request->header_count; i++) {
    curl_list *longer = curl.append(headers, request->headers[i]);
    if (!longer) {
      curl.free_all(headers);
      snprintf(result.message, sizeof result.message, "out of memory");
      return result;
    }
    headers = longer;
  }
  curl.reset(handle);
  int code = 0;
  // The first option that is refused is told; none of them may be left out in silence.
#define SET(option, value) \
  if (!code) code = curl.setopt(handle, option, value)
  SET(OPT_URL, request->url);
  SET(OPT_PROTOCOLS, (long)PROTOCOLS_HTTP_HTTPS);
  SET(OPT_FOLLOWLOCATION, 0L);
  SET(OPT_NOSIGNAL, 1L);
  SET(OPT_SUPPRESS_CONNECT_HEADERS, 1L);
  SET(OPT_CONNECTTIMEOUT_MS, (long)request->connect_milliseconds);
  SET(OPT_TIMEOUT_MS, (long)request->total_milliseconds);
  SET(OPT_ERRORBUFFER, message);
  SET(OPT_HTTPHEADER, headers);
  SET(OPT_HEADERFUNCTION, take_header);
  SET(OPT_HEADERDATA, &to);
  SET(OPT_WRITEFUNCTION, take_body);
  SET(OPT_WRITEDATA, &to);
  if (request->body) {
    SET(OPT_POST, 1L);
    SET(OPT_POSTFIELDSIZE_LARGE, (int64_t)request->body_size);
    SET(OPT_POSTFIELDS, request->body);
  }
#undef SET
  if (!code) code = curl.perform(handle);
  curl.getinfo(handle, INFO_RESPONSE_CODE, &result.status);
  result.outcome = outcome_of(code, to.is_stopped);
  if (code) snprintf(result.message, sizeof result.message, "%s", *message ? message : curl.text_of(code));
  // Nothing of this call may be looked at by the next.
  curl.reset(handle);
  curl.free_all(headers);
  return result;
}
