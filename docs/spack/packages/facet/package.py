# A recipe for Spack (https://spack.io): spack repo add docs/spack && spack install facet
from spack.package import *


class Facet(CMakePackage):
    """Cuts trained convolutional networks into one reusable module per output class, on HPC clusters."""

    # The checkout this file lies in: `spack dev-build` or `spack develop` build it where it is.
    version("main", branch="main", git="file://" + ancestor(__file__, 5))

    variant("tests", default=False, description="Build the tests, too")

    depends_on("c", type="build")
    depends_on("cmake@3.25:", type="build")
    depends_on("ninja", type="build")
    depends_on("pkgconfig", type="build")
    generator("ninja")

    # Any one MPI will do as long as HDF5 is built with it; Open MPI is what Facet is tested with.
    depends_on("mpi")
    depends_on("hdf5@1.10:+mpi")
    depends_on("blis@0.9:")
    depends_on("libzmq@4.3:+libsodium")
    depends_on("libsodium")
    depends_on("jansson")
    depends_on("ncurses")
    depends_on("zlib-api")
    depends_on("libarchive")
    depends_on("libpng")
    depends_on("libjpeg")
    depends_on("protobuf-c")
    depends_on("onnx", type="build")  # onnx.proto alone
    depends_on("cmocka", when="+tests")

    def cmake_args(self):
        return [
            self.define_from_variant("FACET_TESTS", "tests"),
            self.define("ONNX_PROTO_DIR", find_onnx_proto(self.spec["onnx"].prefix)),
        ]


def find_onnx_proto(prefix):
    """The folder of onnx.proto, which lies within a Python package."""
    found = find(prefix, "onnx.proto")
    if not found:
        raise InstallError("onnx.proto is not in " + str(prefix))
    return ancestor(found[0])
