/* A run that computes nothing and says much: a server and simulated ranks in a process for each simulated
 * node, each rank with the sender of the real ones. Measures what telling progress costs those who tell it.
 *
 *   run_load -d DIRECTORY [-r RANKS] [-n NODES] [-e EVENTS_A_SECOND] [-c CLASSES] [-s SECONDS] [-k DEAD_RANK]
 *
 * DIRECTORY becomes a run directory for facet-monitor. With -k that rank says nothing more after a fifth of
 * the time. Prints one JSON object at the end: the longest and the mean time that a call of progress_send
 * took, the share of one processor that the threads behind it took of a rank, events sent and dropped, and
 * the server's processor share and its resident memory after a fifth of the time and at the end. */
#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "mpi/wire/machine.h"
#include "mpi/wire/progress.h"

enum { RANKS_MAX = 4096, NODES_MAX = 256, DRIVERS = 2, EPOCHS = 20 };

static struct {
    const char *directory;
    int ranks, nodes, events, classes, dead;
    double seconds;
} load = {.ranks = 256, .nodes = 16, .events = 100, .classes = 1000, .dead = -1, .seconds = 60};

struct measures {
    double send_most, send_sum; /* seconds */
    double driver_cpu, process_cpu;
    int64_t sends;
};

/* Some ranks of a node, driven by one thread. */
struct driver {
    pthread_t thread;
    int first, step, end; /* ranks first, first + step, … < end */
    struct progress_sender **senders;
    struct measures measures;
};

static void fail(const char *what)
{
    fprintf(stderr, "run_load: %s: %s\n", what, error_message());
    exit(1);
}

static void send_measured(struct driver *driver, struct progress_sender *sender, struct event *event)
{
    double start = machine_monotonic();
    progress_send(sender, event);
    double took = machine_monotonic() - start;
    driver->measures.send_most = fmax(driver->measures.send_most, took);
    driver->measures.send_sum += took;
    driver->measures.sends++;
}

/* The event of that number of a rank that does its classes one after the other. */
static struct event event_of(int rank, int number, int total)
{
    int mine = (load.classes - rank + load.ranks - 1) / load.ranks; /* classes rank, rank + ranks, … */
    int each = mine > 0 && total >= mine ? total / mine : total;
    int turn = number / each, step = number % each;
    int class_index = rank + turn * load.ranks;
    struct event event = event_make(EVENT_RANK);
    event.state = STATE_RUNNING;
    event.class_index = class_index < load.classes ? class_index : -1;
    event.done = step;
    event.total = each;
    event.images_per_second = 900 + 37 * (rank % 8) + step % 50;
    snprintf(event.text, sizeof event.text, "distilling");
    if (class_index >= load.classes)
        return event;
    if (step == 0 || step == each - 1) {
        event.kind = EVENT_CLASS;
        event.state = step == 0 ? STATE_RUNNING : class_index % 97 == 96 ? STATE_FAILED : STATE_DONE;
        event.value = step == 0 ? -1 : 1 - 0.02 * (class_index % 13) - 0.3 * (class_index % 41 == 0);
        event.text[0] = '\0';
    } else if (each >= EPOCHS && step % (each / EPOCHS) == 0) {
        event.kind = EVENT_EPOCH;
        event.total = EPOCHS;
        event.done = step / (each / EPOCHS);
        event.loss = 2 / (1.0 + (double)event.done);
        event.train_top1 = 1 - 0.5 / (1.0 + (double)event.done);
        event.text[0] = '\0';
    } else if (number % 1000 == 500) {
        event.kind = EVENT_LOG;
        snprintf(event.text, sizeof event.text, "class %d: the rate was lowered", class_index);
    }
    return event;
}

static void *driver_run(void *argument)
{
    struct driver *driver = argument;
    struct timespec cpu;
    int total = (int)(load.seconds * load.events);
    double start = machine_monotonic();
    for (int number = 0; number < total; number++) {
        for (int rank = driver->first; rank < driver->end; rank += driver->step) {
            struct event event = event_of(rank, number, total);
            if (rank != load.dead || number < total / 5)
                send_measured(driver, driver->senders[rank], &event);
        }
        double early = start + (double)(number + 1) / load.events - machine_monotonic();
        if (early > 0)
            usleep((useconds_t)(1e6 * early));
    }
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &cpu);
    driver->measures.driver_cpu = (double)cpu.tv_sec + 1e-9 * (double)cpu.tv_nsec;
    return NULL;
}

/* Hosts have names of their own where that is allowed. */
static void node_name(int node)
{
    char name[32];
    snprintf(name, sizeof name, "node-%03d", node);
    if (unshare(CLONE_NEWUTS) == 0 && sethostname(name, strlen(name)) != 0)
        fprintf(stderr, "run_load: sethostname: %s\n", strerror(errno));
}

static void bytes_read(int descriptor, void *to, size_t bytes)
{
    for (size_t done = 0; done < bytes;) {
        ssize_t got = read(descriptor, (char *)to + done, bytes - done);
        if (got <= 0)
            exit(1); /* the other side is gone and has said why */
        done += (size_t)got;
    }
}

static void bytes_write(int descriptor, const void *from, size_t bytes)
{
    if (write(descriptor, from, bytes) != (ssize_t)bytes)
        exit(1);
}

/* As if each rank had its share of the processor time of its node's process. */
static void energy_simulate(void *context, double *joules, bool *counted)
{
    (void)context;
    *joules = 12 * machine_processor_seconds() * load.nodes / load.ranks;
    *counted = false;
}

static const struct progress_energy simulated_energy = {energy_simulate, NULL};

/* A node: ranks node, node + nodes, … */
static void node_run(int node, int from_server, int to_server)
{
    static struct progress_sender *senders[RANKS_MAX];
    struct driver drivers[DRIVERS];
    struct progress_access access;
    struct measures sum = {0};
    node_name(node);
    bytes_read(from_server, &access, sizeof access);
    for (int rank = node; rank < load.ranks; rank += load.nodes)
        if (progress_sender_create(&access, rank, &simulated_energy, &senders[rank]) != STATUS_OK)
            fail("sender");
    double start = machine_processor_seconds();
    for (int i = 0; i < DRIVERS; i++) {
        drivers[i] = (struct driver){.first = node + i * load.nodes,
                                     .step = DRIVERS * load.nodes,
                                     .end = load.ranks,
                                     .senders = senders};
        if (machine_thread_start(&drivers[i].thread, driver_run, &drivers[i], "driver") != STATUS_OK)
            fail("driver");
    }
    for (int i = 0; i < DRIVERS; i++) {
        pthread_join(drivers[i].thread, NULL);
        sum.send_most = fmax(sum.send_most, drivers[i].measures.send_most);
        sum.send_sum += drivers[i].measures.send_sum;
        sum.sends += drivers[i].measures.sends;
        sum.driver_cpu += drivers[i].measures.driver_cpu;
    }
    sum.process_cpu = machine_processor_seconds() - start;
    bytes_write(to_server, &sum, sizeof sum);
    for (int rank = node; rank < load.ranks; rank += load.nodes)
        progress_sender_destroy(&senders[rank]);
    exit(0);
}

static void options_read(int count, char **words)
{
    int option;
    while ((option = getopt(count, words, "d:r:n:e:c:s:k:")) != -1) {
        int number = optarg != NULL ? atoi(optarg) : 0;
        switch (option) {
        case 'd':
            load.directory = optarg;
            break;
        case 'r':
            load.ranks = number;
            break;
        case 'n':
            load.nodes = number;
            break;
        case 'e':
            load.events = number;
            break;
        case 'c':
            load.classes = number;
            break;
        case 's':
            load.seconds = number;
            break;
        case 'k':
            load.dead = number;
            break;
        default:
            exit(2);
        }
    }
    if (load.directory == NULL || load.ranks < 1 || load.ranks > RANKS_MAX || load.nodes < 1 ||
        load.nodes > NODES_MAX || load.events < 1 || load.classes < 0 || !(load.seconds >= 1)) {
        fprintf(stderr, "run_load: -d DIRECTORY is needed, and figures from 1 on\n");
        exit(2);
    }
}

static void classes_announce(struct progress_sender *sender)
{
    for (int i = 0; i < load.classes; i++) {
        struct event event = event_make(EVENT_CLASS);
        event.state = i % 50 == 7 ? STATE_RESUMED : STATE_WAITING;
        event.class_index = i;
        event.value = i % 50 == 7 ? 0.93 : -1;
        snprintf(event.text, sizeof event.text, "species-%04d", i);
        progress_send(sender, &event);
    }
}

struct node_process {
    pid_t process;
    int to, from;
};

static struct node_process node_start(int node)
{
    int down[2], up[2];
    struct node_process made;
    if (pipe(down) != 0 || pipe(up) != 0)
        exit(1);
    pid_t parent = getpid();
    made.process = fork(); /* before ZeroMQ has threads */
    if (made.process == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that gives up kills the first process alone */
        if (getppid() != parent)
            exit(1);
        close(down[1]);
        close(up[0]);
        node_run(node, down[0], up[1]);
    }
    close(down[0]);
    close(up[1]);
    made.to = down[1];
    made.from = up[0];
    return made;
}

int main(int count, char **words)
{
    static struct node_process nodes[NODES_MAX];
    struct progress_server *server;
    struct progress_sender *announcer;
    struct progress_access access;
    struct measures all = {0}, one;
    options_read(count, words);
    for (int i = 0; i < load.nodes; i++)
        nodes[i] = node_start(i);
    struct event start = event_make(EVENT_RUN_START);
    start.state = STATE_RUNNING;
    start.total = load.ranks;
    start.nodes = load.nodes;
    start.class_count = load.classes;
    start.co2e_grams_per_joule = 0.000190;
    snprintf(start.job, sizeof start.job, "4711");
    snprintf(start.text, sizeof start.text,
             "facet decompose resnet50.h5 --data species.h5 --method distill -o %s", load.directory);
    if (progress_server_start(load.directory, NULL, &start, &server, &access) != STATUS_OK)
        fail("server");
    double cpu_before = machine_processor_seconds(), begun = machine_monotonic();
    if (progress_sender_create(&access, 0, NULL, &announcer) != STATUS_OK)
        fail("sender");
    classes_announce(announcer);
    for (int i = 0; i < load.nodes; i++)
        bytes_write(nodes[i].to, &access, sizeof access);
    usleep((useconds_t)(0.2e6 * load.seconds));
    uint64_t memory_early = machine_resident_bytes();
    for (int i = 0; i < load.nodes; i++) {
        bytes_read(nodes[i].from, &one, sizeof one);
        all.send_most = fmax(all.send_most, one.send_most);
        all.send_sum += one.send_sum;
        all.sends += one.sends;
        all.driver_cpu += one.driver_cpu;
        all.process_cpu += one.process_cpu;
    }
    double elapsed = machine_monotonic() - begun, server_cpu = machine_processor_seconds() - cpu_before;
    uint64_t memory_late = machine_resident_bytes();
    for (int i = 0; i < load.nodes; i++)
        waitpid(nodes[i].process, NULL, 0);
    progress_sender_destroy(&announcer);
    struct event end = event_make(EVENT_RUN_END);
    end.state = STATE_DONE;
    snprintf(end.text, sizeof end.text, "all said");
    if (progress_server_stop(&server, &end) != STATUS_OK)
        fail("end");
    printf("{\"ranks\":%d,\"events_sent\":%lld,\"seconds\":%.1f,\"send_seconds_max\":%.6f,\"send_seconds_"
           "mean\":%.9f,"
           "\"publishing_share_of_a_rank\":%.5f,\"server_share\":%.4f,\"server_bytes_early\":%llu,"
           "\"server_bytes_late\":%llu}\n",
           load.ranks, (long long)all.sends, elapsed, all.send_most,
           all.send_sum / (double)(all.sends > 0 ? all.sends : 1),
           (all.process_cpu - all.driver_cpu) / elapsed / load.ranks, server_cpu / elapsed,
           (unsigned long long)memory_early, (unsigned long long)memory_late);
    return 0;
}
