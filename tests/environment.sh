# shellcheck shell=bash
# Sourced by whatever starts mpirun on this one machine: what Open MPI needs as root, in a container, on few cores.

if [ "$(id -u)" -eq 0 ]; then
    export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
fi
# Containers forbid reading another process's memory; Open MPI then warns once a rank. Shared memory does as well.
export OMPI_MCA_btl_vader_single_copy_mechanism=none
# A slot a processor, not a core: virtual machines often have one core with two hardware threads.
export OMPI_MCA_hwloc_base_use_hwthreads_as_cpus=1
if [ "$(nproc)" -lt 2 ]; then
    export OMPI_MCA_rmaps_base_oversubscribe=1
fi
