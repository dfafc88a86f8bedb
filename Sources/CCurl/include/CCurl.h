// The few calls of libcurl that a client of one server needs. The library is opened when the first request is made:
// the program neither needs its headers to be built nor the library itself to start.
#ifndef ESPALIER_CCURL_H
#define ESPALIER_CCURL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct esp_curl_s *esp_curl;

// A connection that is kept between requests; one thread uses it at a time. NULL when there is no library; `message`
// then says why.
esp_curl esp_curl_open(char *message, size_t size);
void esp_curl_close(esp_curl connection);

typedef struct {
  const char *url;
  const char *const *headers;  // "Name: value"
  size_t header_count;
  const void *body;  // NULL: a GET, else a POST
  size_t body_size;
  int64_t connect_milliseconds;
  int64_t total_milliseconds;
  void *context;
  // Given what arrives as it arrives; false ends the request.
  bool (*header)(void *context, const char *bytes, size_t count);
  bool (*body_part)(void *context, const void *bytes, size_t count);
} esp_curl_request;

typedef enum {
  ESP_CURL_DONE = 0,
  ESP_CURL_STOPPED = 1,      // by a callback
  ESP_CURL_NOT_REACHED = 2,  // nothing was sent: no such host, refused, no proxy
  ESP_CURL_TIMED_OUT = 3,
  ESP_CURL_UNTRUSTED = 4,  // TLS: certificate or handshake
  ESP_CURL_BROKEN = 5,     // the connection ended early, or what came is not HTTP
  ESP_CURL_OTHER = 6
} esp_curl_outcome;

typedef struct {
  esp_curl_outcome outcome;
  long status;        // of HTTP; 0 without an answer
  char message[256];  // of the library
} esp_curl_result;

// Sends one request and waits for its answer. Redirects are not followed.
esp_curl_result esp_curl_perform(esp_curl connection, const esp_curl_request *request);

#ifdef __cplusplus
}
#endif

#endif
