//! Arguments in the forms that znip has them.

use std::ffi::CString;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};

use napi::bindgen_prelude::{FromNapiValue, JsObjectValue, Object, TypeName, ValidateNapiValue};
use napi::{Error, Result, Status, ValueType, check_status, sys};
use rustix::fd::{BorrowedFd, RawFd};
use rustix::io::Errno;
use znip_core::columns::Strings;

/// A byte string: a string with one character for each byte.
pub struct ByteString(Vec<u8>);

impl ByteString {
    /// As a name for the system. Fails for a name with a NUL byte, which would end it early.
    pub fn into_name(self) -> Result<CString> {
        CString::new(self.0).map_err(|_| Error::new(Status::InvalidArg, "a name has a NUL byte in it"))
    }
}

impl TypeName for ByteString {
    fn type_name() -> &'static str {
        "ByteString"
    }

    fn value_type() -> ValueType {
        ValueType::String
    }
}

impl ValidateNapiValue for ByteString {}

impl FromNapiValue for ByteString {
    unsafe fn from_napi_value(env: sys::napi_env, value: sys::napi_value) -> Result<Self> {
        let mut length = 0;
        // SAFETY: without a buffer, Node-API writes the length alone.
        check_status!(unsafe {
            sys::napi_get_value_string_latin1(env, value, std::ptr::null_mut(), 0, &raw mut length)
        })?;
        let mut bytes = vec![0u8; length + 1];
        // SAFETY: the buffer has room for all characters and the NUL behind them.
        check_status!(unsafe {
            sys::napi_get_value_string_latin1(
                env,
                value,
                bytes.as_mut_ptr().cast(),
                bytes.len(),
                &raw mut length,
            )
        })?;
        bytes.truncate(length);
        Ok(ByteString(bytes))
    }
}

/// What a typed array may hold, with the number that Node-API has for the type.
pub trait Element: Copy {
    const TYPE: sys::napi_typedarray_type;
}

macro_rules! elements {
    ($($element:ty: $array:ident),*) => {
        $(impl Element for $element {
            const TYPE: sys::napi_typedarray_type = sys::TypedarrayType::$array;
        })*
    };
}

elements!(
    u8: uint8_array, u16: uint16_array, u32: uint32_array, i64: bigint64_array, u64: biguint64_array,
    f64: float64_array
);

/// A typed array, where it is: nothing is copied. It may be in shared memory.
///
/// It lives as long as the call, which the arguments of a call outlive. znip hands each buffer from thread to thread, and no
/// two use one at a time. Two arguments of a call that are only read may be the same bytes; one that is written never shares
/// any.
pub struct View<'call, T> {
    data: *mut T,
    length: usize,
    call: PhantomData<&'call mut [T]>,
}

impl<'call, T> View<'call, T> {
    /// To be read for the rest of the call.
    pub fn into_slice(self) -> &'call [T] {
        // SAFETY: Node-API gave the two together; see above.
        unsafe { std::slice::from_raw_parts(self.data, self.length) }
    }

    /// To be written.
    pub fn into_mut_slice(self) -> &'call mut [T] {
        // SAFETY: as for reading; nobody else uses the bytes meanwhile.
        unsafe { std::slice::from_raw_parts_mut(self.data, self.length) }
    }
}

impl<T> Deref for View<'_, T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        // SAFETY: Node-API gave the two together; see above.
        unsafe { std::slice::from_raw_parts(self.data, self.length) }
    }
}

impl<T> DerefMut for View<'_, T> {
    fn deref_mut(&mut self) -> &mut [T] {
        // SAFETY: as for reading; nobody else uses the bytes meanwhile.
        unsafe { std::slice::from_raw_parts_mut(self.data, self.length) }
    }
}

impl<T> TypeName for View<'_, T> {
    fn type_name() -> &'static str {
        "TypedArray"
    }

    fn value_type() -> ValueType {
        ValueType::Object
    }
}

impl<T: Element> ValidateNapiValue for View<'_, T> {}

impl<T: Element> FromNapiValue for View<'_, T> {
    unsafe fn from_napi_value(env: sys::napi_env, value: sys::napi_value) -> Result<Self> {
        let (mut kind, mut length, mut data) = (0, 0, std::ptr::null_mut());
        // SAFETY: each pointer is to a place of its own, or null for what is not asked.
        let status = unsafe {
            sys::napi_get_typedarray_info(
                env,
                value,
                &raw mut kind,
                &raw mut length,
                &raw mut data,
                std::ptr::null_mut(),
                std::ptr::null_mut(),
            )
        };
        check_status!(status, "a typed array is needed")?;
        if kind != T::TYPE {
            return Err(Error::new(Status::InvalidArg, "a typed array of another type is needed"));
        }
        let data = if length == 0 { std::ptr::dangling_mut() } else { data.cast::<T>() };
        Ok(View { data, length, call: PhantomData })
    }
}

/// A descriptor that Node.js holds open during the call; `AT_FDCWD` is the working directory.
pub fn descriptor(fd: RawFd) -> BorrowedFd<'static> {
    // SAFETY: nothing but system calls is done with it, and they fail with EBADF where it is closed. -1 alone is not allowed
    // here, so it becomes a number that no file has.
    unsafe { BorrowedFd::borrow_raw(if fd == -1 { RawFd::MAX } else { fd }) }
}

/// The result of a call of the system: its value, or a negative errno.
pub fn or_errno(result: std::result::Result<i32, Errno>) -> i32 {
    result.unwrap_or_else(|errno| -errno.raw_os_error())
}

/// The property of a batch that is a typed array to be read.
pub fn column<'call, T: Element>(batch: &Object, name: &str) -> Result<&'call [T]> {
    batch.get_named_property::<View<T>>(name).map(View::into_slice)
}

/// One that is to be written.
pub fn column_mut<'call, T: Element>(batch: &Object, name: &str) -> Result<&'call mut [T]> {
    batch.get_named_property::<View<T>>(name).map(View::into_mut_slice)
}

/// Two properties that are byte strings and where they end.
pub fn strings<'call>(batch: &Object, bytes: &str, ends: &str) -> Result<Strings<'call>> {
    Ok(Strings { bytes: column(batch, bytes)?, ends: column(batch, ends)? })
}
