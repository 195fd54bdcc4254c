#include "mpi/run_progress.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mpi/ranks.h"

enum { ADDRESS_BYTES = 64 };

static bool is_loopback(const struct sockaddr *address)
{
    return ntohl(((const struct sockaddr_in *)(const void *)address)->sin_addr.s_addr) >> 24 == 127;
}

static bool address_as_text(const struct sockaddr *from, char address[ADDRESS_BYTES])
{
    return getnameinfo(from, sizeof(struct sockaddr_in), address, ADDRESS_BYTES, NULL, 0, NI_NUMERICHOST) ==
           0;
}

/* The first address of `host` that other nodes can reach. Many nodes have a line in /etc/hosts (Debian's
 * 127.0.1.1) that makes their own name a loopback address to themselves. */
static bool address_of_name(const char *host, char address[ADDRESS_BYTES])
{
    struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM}, *list = NULL;
    bool found = false;
    if (getaddrinfo(host, NULL, &hints, &list) != 0)
        return false;
    for (const struct addrinfo *item = list; item != NULL && !found; item = item->ai_next)
        found = !is_loopback(item->ai_addr) && address_as_text(item->ai_addr, address);
    freeaddrinfo(list);
    return found;
}

/* The first address of a network interface that is up and more than loopback. */
static bool address_of_interface(char address[ADDRESS_BYTES])
{
    struct ifaddrs *list = NULL;
    bool found = false;
    if (getifaddrs(&list) != 0)
        return false;
    for (const struct ifaddrs *item = list; item != NULL && !found; item = item->ifa_next)
        found = item->ifa_addr != NULL && item->ifa_addr->sa_family == AF_INET &&
                (item->ifa_flags & IFF_UP) != 0 && !is_loopback(item->ifa_addr) &&
                address_as_text(item->ifa_addr, address);
    freeifaddrs(list);
    return found;
}

/* The address other nodes know this one by. */
static enum status own_address(char address[ADDRESS_BYTES])
{
    char host[256] = "";
    gethostname(host, sizeof host - 1);
    if (address_of_name(host, address) || address_of_interface(address))
        return STATUS_OK;
    return error_set(STATUS_IO,
                     "host %s has no IPv4 address but loopback, and the ranks are on several nodes; name an "
                     "address or interface with --bind",
                     host);
}

/* The job that Slurm gave the ranks, or NULL. */
static const char *batch_job(void)
{
    return getenv("SLURM_JOB_ID");
}

/* Ranks that share a node are followed on that node, except in a batch job, whose nodes people are not on. */
static enum status start_server(bool one_node, const char *run_directory, const char *bind_address,
                                struct event *start, struct progress_server **server,
                                struct progress_access *access)
{
    char address[ADDRESS_BYTES];
    if (bind_address == NULL && (!one_node || batch_job() != NULL)) {
        enum status status = own_address(address);
        if (status == STATUS_OK)
            bind_address = address;
        else if (!one_node)
            return status;
    }
    return progress_server_start(run_directory, bind_address, start, server, access);
}

static struct event start_event(MPI_Comm comm, const char *command_line, int32_t class_count, int nodes)
{
    const char *job = batch_job();
    struct event start = event_make(EVENT_RUN_START);
    start.state = STATE_RUNNING;
    start.total = ranks_count(comm);
    start.class_count = class_count;
    start.nodes = nodes;
    start.co2e_grams_per_joule = energy_co2e_grams(1);
    snprintf(start.text, sizeof start.text, "%s", command_line);
    snprintf(start.job, sizeof start.job, "%s", job != NULL ? job : "");
    return start;
}

static void energy_tell(void *meter, double *joules, bool *counted)
{
    struct energy_share share = energy_share_read(meter);
    *joules = share.joules;
    *counted = share.counted;
}

enum status run_progress_open(MPI_Comm comm, const char *run_directory, const char *bind_address,
                              const char *command_line, int32_t class_count, struct run_progress *progress)
{
    struct progress_access access;
    enum status status = STATUS_OK;
    int rank = ranks_rank(comm);
    int nodes = ranks_nodes(comm);
    memset(&access, 0, sizeof access);
    progress->started = seconds_now();
    energy_start(&progress->energy);
    if (rank == 0) {
        struct event start = start_event(comm, command_line, class_count, nodes);
        status = start_server(nodes == 1, run_directory, bind_address, &start, &progress->server, &access);
    }
    status = ranks_agree(comm, status);
    if (status == STATUS_OK) { /* the ranks' secret goes this way alone */
        MPI_Bcast(&access, sizeof access, MPI_BYTE, 0, comm);
        const struct progress_energy energy = {energy_tell, &progress->energy};
        status = ranks_agree(comm, progress_sender_create(&access, rank, &energy, &progress->sender));
    }
    wire_key_forget(&access, sizeof access);
    if (status == STATUS_OK) /* so that everybody is heard of before there is anything to count */
        run_progress_rank(progress, "starting", -1, 0, 0, 0);
    return status;
}

void run_progress_send(struct run_progress *progress, struct event *event)
{
    if (progress == NULL)
        return;
    progress_send(progress->sender, event);
    if (progress->show != NULL)
        progress->show(progress->show_context, event);
}

void run_progress_rank(struct run_progress *progress, const char *activity, int32_t class_index, int64_t done,
                       int64_t total, double images_per_second)
{
    struct event event = event_make(EVENT_RANK);
    event.state = STATE_RUNNING;
    event.class_index = class_index;
    event.done = done;
    event.total = total;
    event.images_per_second = images_per_second;
    snprintf(event.text, sizeof event.text, "%s", activity);
    run_progress_send(progress, &event);
}

void run_progress_class(struct run_progress *progress, int32_t class_index, const char *name,
                        enum event_state state, double value)
{
    struct event event = event_make(EVENT_CLASS);
    event.state = state;
    event.class_index = class_index;
    event.value = value;
    snprintf(event.text, sizeof event.text, "%s", name);
    run_progress_send(progress, &event);
}

void run_curve_add(struct run_curve *curve, int64_t done, double loss)
{
    curve->loss_sum += loss;
    curve->loss_count++;
    bool stretch_over = done * RUN_CURVE_POINTS / curve->total > (done - 1) * RUN_CURVE_POINTS / curve->total;
    if (curve->progress == NULL || !stretch_over)
        return;
    struct event event = event_make(EVENT_EPOCH);
    event.class_index = curve->class_index;
    event.done = done;
    event.total = curve->total;
    event.loss = curve->loss_sum / (double)curve->loss_count;
    event.train_top1 = -1;
    run_progress_send(curve->progress, &event);
    curve->loss_sum = 0;
    curve->loss_count = 0;
}

static void send_last(struct progress_sender *sender, enum event_state state)
{
    struct event last = event_make(EVENT_RANK);
    last.state = state;
    snprintf(last.text, sizeof last.text, "%s", state == STATE_DONE ? "finished" : "ended");
    progress_send(sender, &last);
}

enum status run_progress_close(MPI_Comm comm, struct run_progress *progress, enum status how,
                               const char *words)
{
    enum event_state state = how == STATUS_OK        ? STATE_DONE
                             : how == STATUS_STOPPED ? STATE_STOPPED
                                                     : STATE_FAILED;
    enum status published = STATUS_OK;
    struct error_carried carried = {STATUS_OK, ""}; /* what ended the run is still to be printed */
    error_keep_first(&carried, how);
    if (progress->sender != NULL)
        send_last(progress->sender, state);
    progress_sender_destroy(&progress->sender);
    MPI_Barrier(comm); /* everybody has sent everything */
    if (progress->server != NULL) {
        struct event end = event_make(EVENT_RUN_END);
        end.state = state;
        snprintf(end.text, sizeof end.text, "%s", words);
        published = progress_server_stop(&progress->server, &end);
    }
    if (how != STATUS_OK)
        return error_raise(&carried);
    return published;
}
