/* Load at a fixed rate, with latencies that count from when a request was due (no coordinated omission).
 *
 *   rate PORT CONNECTIONS RATE WARM-UP SECONDS FILE FIRST
 *
 * Request i is due i/RATE seconds after the start, whatever became of those before. It goes out on the connection that has been
 * idle longest; where all are busy it waits, and its wait counts. After WARM-UP seconds latencies are kept, every one of them,
 * so that percentiles are exact. Requests that are not answered GRACE seconds after the last was due count with the time
 * until then. FILE is as for load.lua. Reports one line of JSON, as load.lua does, with three more figures: requests left
 * unanswered, and how late requests were sent for which a connection was free (that is the fault of this program, or of its
 * processor). */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { GRACE = 10, ANSWER_MAX = 65536 };

struct request {
    char *text;
    size_t size;
};

struct connection {
    int socket;
    uint64_t request; /* the one under way */
    size_t received;
    char answer[ANSWER_MAX + 1];
};

static struct request *requests;
static size_t request_count;

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static void *allocate(size_t count, size_t size) {
    void *memory = calloc(count ? count : 1, size);
    if (!memory) fail("memory");
    return memory;
}

static uint64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static void read_requests(const char *path, int port) {
    FILE *file = fopen(path, "r");
    if (!file) fail(path);
    size_t room = 0, line_room = 0;
    char *line = NULL;
    for (ssize_t length; (length = getline(&line, &line_room, file)) > 0;) {
        line[strcspn(line, "\n")] = 0;
        char *token = strchr(line, ' ');
        if (token) *token++ = 0;
        if (request_count == room) {
            room = room ? 2 * room : 1024;
            requests = realloc(requests, room * sizeof *requests);
            if (!requests) fail("memory");
        }
        struct request *request = &requests[request_count++];
        int size = asprintf(
            &request->text, "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n%s%s%s\r\n", line, port,
            token ? "Authorization: Bearer " : "", token ? token : "", token ? "\r\n" : "");
        if (size < 0) fail("memory");
        request->size = (size_t)size;
    }
    free(line);
    fclose(file);
    if (!request_count) {
        fprintf(stderr, "no requests in %s\n", path);
        exit(1);
    }
}

static int connect_to(int port) {
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int on = 1, found = socket(AF_INET, SOCK_STREAM, 0);
    if (found < 0 || connect(found, (struct sockaddr *)&address, sizeof address) < 0) fail("connect");
    setsockopt(found, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return found;
}

/* Bytes of the answer in full once they are all there; before, 0. */
static size_t complete(struct connection *connection) {
    connection->answer[connection->received] = 0;
    char *end = strstr(connection->answer, "\r\n\r\n");
    if (!end) return 0;
    char *length = strcasestr(connection->answer, "\r\ncontent-length:");
    if (!length || length > end) {
        fprintf(stderr, "an answer without Content-Length:\n%s\n", connection->answer);
        exit(1);
    }
    size_t whole = (size_t)(end + 4 - connection->answer) + strtoul(length + 17, NULL, 10);
    if (whole > ANSWER_MAX) {
        fprintf(stderr, "an answer of %zu bytes\n", whole);
        exit(1);
    }
    return connection->received >= whole ? whole : 0;
}

static int ascending(const void *one, const void *other) {
    uint64_t a = *(const uint64_t *)one, b = *(const uint64_t *)other;
    return (a > b) - (a < b);
}

/* In µs, of sorted values. */
static double percentile(const uint64_t *sorted, size_t count, double share) {
    if (!count) return 0;
    size_t at = (size_t)(share * (double)count);
    return (double)sorted[at < count ? at : count - 1] / 1000;
}

int main(int count, char **words) {
    if (count != 8) {
        fprintf(stderr, "usage: rate PORT CONNECTIONS RATE WARM-UP SECONDS FILE FIRST\n");
        return 2;
    }
    int port = atoi(words[1]), connections = atoi(words[2]);
    double interval = 1e9 / atof(words[3]);
    uint64_t unkept = (uint64_t)(atof(words[4]) * 1e9 / interval), total = unkept + (uint64_t)(atof(words[5]) * 1e9 / interval);
    read_requests(words[6], port);
    size_t first = (size_t)atol(words[7]) - 1;
    if (connections < 1 || total <= unkept) {
        fprintf(stderr, "nothing to do\n");
        return 2;
    }

    struct connection *all = allocate((size_t)connections, sizeof *all);
    struct epoll_event *events = allocate((size_t)connections, sizeof *events);
    uint64_t *latencies = allocate(total - unkept, sizeof *latencies), *delays = allocate(total - unkept, sizeof *delays);
    size_t answered = 0, delay_count = 0, refused = 0, read_errors = 0, write_errors = 0, open = (size_t)connections;
    unsigned long long bytes = 0;
    /* Idle connections, a ring: the one that has been idle longest is at `from`. */
    struct connection **idle = allocate((size_t)connections, sizeof *idle);
    size_t from = 0, idle_count = (size_t)connections;

    int poll = epoll_create1(0);
    if (poll < 0) fail("epoll_create1");
    for (int i = 0; i < connections; i++) {
        all[i].socket = connect_to(port);
        all[i].request = UINT64_MAX;
        idle[i] = &all[i];
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = &all[i]};
        if (epoll_ctl(poll, EPOLL_CTL_ADD, all[i].socket, &event) < 0) fail("epoll_ctl");
    }
    prctl(PR_SET_TIMERSLACK, 1); /* ns */

    uint64_t start = now() + 1000000, next = 0, done = 0;
    uint64_t deadline = start + (uint64_t)(interval * (double)total) + GRACE * UINT64_C(1000000000);
    int behind = 0; /* the next request, or one before it that it queues behind, may have had to wait for a connection */
#define DUE(i) (start + (uint64_t)(interval * (double)(i)))
    while (done < total && open) {
        uint64_t time = now();
        if (time >= deadline) break;
        for (; next < total && idle_count && DUE(next) <= time; next++, time = now()) {
            struct connection *connection = idle[from];
            from = (from + 1) % (size_t)connections;
            idle_count--;
            struct request *request = &requests[(first + next) % request_count];
            if (!behind && next >= unkept) delays[delay_count++] = time - DUE(next);
            connection->request = next;
            connection->received = 0;
            /* A request is far smaller than the socket's empty buffer. */
            if (send(connection->socket, request->text, request->size, MSG_NOSIGNAL) != (ssize_t)request->size) {
                write_errors++;
                close(connection->socket);
                open--;
            }
        }
        if (!idle_count) behind = 1;
        else if (next == total || DUE(next) > time) behind = 0;
        uint64_t wake = next < total && idle_count ? DUE(next) : deadline;
        uint64_t left = wake > time ? wake - time : 0;
        struct timespec wait = {.tv_sec = (time_t)(left / 1000000000u), .tv_nsec = (long)(left % 1000000000u)};
        int ready = epoll_pwait2(poll, events, connections, &wait, NULL);
        if (ready < 0 && errno != EINTR) fail("epoll_pwait2");
        for (int i = 0; i < ready; i++) {
            struct connection *connection = events[i].data.ptr;
            ssize_t got = recv(
                connection->socket, connection->answer + connection->received, ANSWER_MAX - connection->received, MSG_DONTWAIT);
            if (got < 0 && errno == EAGAIN) continue;
            if (got <= 0 || connection->request == UINT64_MAX) {
                read_errors++;
                close(connection->socket);
                open--;
                continue;
            }
            connection->received += (size_t)got;
            size_t whole = complete(connection);
            if (!whole) continue;
            done++;
            if (connection->request >= unkept) {
                latencies[answered++] = now() - DUE(connection->request);
                refused += connection->answer[9] >= '4';
                bytes += whole;
            }
            connection->request = UINT64_MAX;
            idle[(from + idle_count++) % (size_t)connections] = connection;
        }
    }

    uint64_t end = now();
    size_t unanswered = 0, known = answered;
    for (int i = 0; i < connections; i++)
        if (all[i].request != UINT64_MAX && all[i].request >= unkept)
            latencies[known + unanswered++] = end - DUE(all[i].request);
    for (uint64_t i = next > unkept ? next : unkept; i < total; i++)
        latencies[known + unanswered++] = end > DUE(i) ? end - DUE(i) : 0;
    known += unanswered;
    qsort(latencies, known, sizeof *latencies, ascending);
    qsort(delays, delay_count, sizeof *delays, ascending);
    printf(
        "JSON {\"requests\":%zu,\"bytes\":%llu,\"duration_us\":%.0f,\"p50_us\":%.1f,\"p99_us\":%.1f,\"p999_us\":%.1f,"
        "\"max_us\":%.1f,\"connect_errors\":0,\"read_errors\":%zu,\"write_errors\":%zu,\"timeouts\":0,"
        "\"status_4xx_5xx\":%zu,\"unanswered\":%zu,\"sent_late_p50_us\":%.1f,\"sent_late_p99_us\":%.1f}\n",
        answered, bytes, (double)(end - DUE(unkept)) / 1000, percentile(latencies, known, 0.5), percentile(latencies, known, 0.99),
        percentile(latencies, known, 0.999), percentile(latencies, known, 1), read_errors, write_errors, refused, unanswered,
        percentile(delays, delay_count, 0.5), percentile(delays, delay_count, 0.99));
    return 0;
}
