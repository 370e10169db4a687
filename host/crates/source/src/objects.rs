//! Reading objects, from any number of threads.

use std::ops::Deref;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use gix::objs::Kind;
use springline_model::ObjectId;
use springline_model::tree::TreeError;

use crate::message;

/// How many bytes of delta bases are kept at hand, for each thread that reads.
const PACK_CACHE: usize = 16 * 1024 * 1024;

/// Buffers that are larger than their content by more than this are not handed out.
const SLACK: usize = 16 * 1024;

/// A repository, and a handle of it for every thread that reads at the same time. Handles are kept,
/// with their caches and the packs they have opened.
pub(crate) struct Objects {
    shared: gix::ThreadSafeRepository,
    idle: Mutex<Vec<gix::Repository>>,
}

/// A handle, for as long as one thread needs it.
pub(crate) struct Handle<'o> {
    objects: &'o Objects,
    repository: Option<gix::Repository>,
}

impl Objects {
    pub(crate) fn new(shared: gix::ThreadSafeRepository) -> Arc<Self> {
        Arc::new(Self { shared, idle: Mutex::default() })
    }

    pub(crate) fn handle(&self) -> Handle<'_> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let repository = idle.unwrap_or_else(|| {
            let mut repository = self.shared.to_thread_local();
            // Directories are kept parsed and files are read once, so that caching whole objects would only copy them.
            repository.object_cache_size(None);
            repository
                .objects
                .set_pack_cache(|| Box::new(gix::odb::pack::cache::lru::MemoryCappedHashmap::new(PACK_CACHE)));
            repository
        });
        Handle { objects: self, repository: Some(repository) }
    }

    /// Reads an object of this kind, and checks it against its id.
    pub(crate) fn read(&self, id: gix::ObjectId, kind: Kind) -> Result<Bytes, TreeError> {
        let repository = self.handle();
        let mut object = repository.find_object(id).map_err(|error| lost_or_io(&repository, id, &error))?;
        if object.kind != kind {
            return Err(lost(id, format!("it is a {}, where a {kind} was expected", object.kind)));
        }
        let mut data = std::mem::take(&mut object.data);
        check(id, kind, &data)?;
        // An object that is stored as a delta comes in the buffer that its bases were in.
        if data.capacity() - data.len() > SLACK {
            data.shrink_to_fit();
        }
        Ok(data.into())
    }

    /// The length of a blob, which is not read for that.
    pub(crate) fn size(&self, id: gix::ObjectId) -> Result<u64, TreeError> {
        let repository = self.handle();
        let header = repository.find_header(id).map_err(|error| lost_or_io(&repository, id, &error))?;
        if header.kind() != Kind::Blob {
            return Err(lost(id, format!("it is a {}, where a blob was expected", header.kind())));
        }
        Ok(header.size())
    }
}

impl Deref for Handle<'_> {
    type Target = gix::Repository;

    #[expect(clippy::expect_used, reason = "it is taken out when the handle is dropped, and not before")]
    fn deref(&self) -> &gix::Repository {
        self.repository.as_ref().expect("present until dropped")
    }
}

impl Drop for Handle<'_> {
    fn drop(&mut self) {
        self.objects.idle.lock().unwrap_or_else(PoisonError::into_inner).extend(self.repository.take());
    }
}

/// The identity of a git object.
pub(crate) fn identity(id: gix::ObjectId) -> ObjectId {
    ObjectId::Git(id.to_hex().to_string())
}

/// The git object of this identity.
pub(crate) fn object_id(id: &ObjectId) -> Result<gix::ObjectId, TreeError> {
    let parsed = match id {
        ObjectId::Git(hex) => gix::ObjectId::from_hex(hex.as_bytes()).ok(),
        ObjectId::Blob(_) => None,
    };
    parsed.ok_or_else(|| TreeError::Io(format!("{id} is no object of a git repository")))
}

/// Whether these bytes are those of the id.
pub(crate) fn check(id: gix::ObjectId, kind: Kind, data: &[u8]) -> Result<(), TreeError> {
    match gix::objs::compute_hash(id.kind(), kind, data) {
        Ok(found) if found == id => Ok(()),
        Ok(found) => Err(lost(id, format!("its bytes are those of {found}"))),
        Err(error) => Err(lost(id, message(&error))),
    }
}

pub(crate) fn lost(id: gix::ObjectId, message: impl Into<String>) -> TreeError {
    TreeError::Lost { id: identity(id), message: message.into() }
}

fn lost_or_io(repository: &gix::Repository, id: gix::ObjectId, error: &gix::Error) -> TreeError {
    if repository.has_object(id) {
        return lost(id, message(error));
    }
    if !error.classify().is_not_found() {
        return TreeError::Io(message(error));
    }
    lost(
        id,
        if is_partial(repository) {
            "it is not in the repository, a partial clone that left it out: make a full clone".to_owned()
        } else {
            "it is not in the repository: `git fsck` shows what else is missing, and `git fetch --refetch` brings it \
             back where a remote has it"
                .to_owned()
        },
    )
}

/// Whether objects may have been left out when this was cloned.
fn is_partial(repository: &gix::Repository) -> bool {
    let config = repository.config_snapshot();
    let mut remotes = config.plumbing().sections_by_name("remote").into_iter().flatten();
    config.string("extensions.partialClone").is_some() || remotes.any(|remote| remote.value("promisor").is_some())
}
