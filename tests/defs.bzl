"""unit_test(): one cmocka program."""

def unit_test(name, deps, size = "small", **kwargs):
    native.cc_test(
        name = name,
        size = size,
        srcs = [name + ".c"],
        linkopts = ["-lcmocka"],
        deps = deps + ["//tests:test"],
        **kwargs
    )
