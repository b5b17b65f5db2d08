//! Sets what the linker must know about Node-API.

fn main() {
    napi_build::setup();
}
