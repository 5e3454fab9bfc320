//! What lies in the folder besides the configuration: passwords, views and manifests.

use std::{collections::HashSet, io, path::Path};

use publication::{Backend, Kind};
use tenancy::{
    nginx::{Guest, OWN, PASSWORDS, VIEWS},
    pods::{Contents, Inventory, Piece},
};

use super::{NginxError, folder::Folder};

/// Has each pod opened by the credentials that are taken now, and those of nobody else by nothing.
///
/// # Errors
/// If the folder cannot be written. Whoever is to be out is out by then, if that can be written.
pub(super) fn write_passwords(folder: &Folder, guests: &[Guest]) -> io::Result<()> {
    let here: HashSet<&str> = guests.iter().map(slug).collect();
    for name in folder.names(PASSWORDS)? {
        // The configuration may name the file still: without it NGINX would answer something else.
        if !here.contains(name.as_str()) {
            folder.write(&format!("{PASSWORDS}/{name}"), b"")?;
        }
    }
    folder.write(&format!("{PASSWORDS}/.nobody"), b"")?;
    for guest in guests {
        let name = format!("{PASSWORDS}/{}", slug(guest));
        folder.write(&name, guest.passwords.as_bytes())?;
    }
    Ok(())
}

/// Brings every view up to date. What is wrong with one keeps no other behind.
///
/// # Errors
/// The first of what went wrong.
pub(super) fn write_views(
    folder: &Folder,
    inventory: &Inventory,
    (repository, root): (&dyn Backend, &Path),
    guests: &[Guest],
) -> Result<(), NginxError> {
    let (mut made, mut outcome) = (HashSet::new(), Ok(()));
    for Guest {
        tenant, catalog, ..
    } in guests
    {
        let name = Inventory::name(tenant, catalog);
        if made.insert(name.clone()) {
            let pieces = inventory.view(repository, tenant, catalog);
            let written = pieces
                .map_err(NginxError::from)
                .and_then(|pieces| write_view(folder, root, &format!("{VIEWS}/{name}"), pieces));
            outcome = outcome.and(written);
        }
        let manifests = inventory.manifests(repository, tenant, catalog);
        let written = manifests
            .map_err(NginxError::from)
            .and_then(|all| write_own(folder, &format!("{OWN}/{}", tenant.slug), &all));
        outcome = outcome.and(written);
    }
    outcome
}

/// Removes what no configuration names any more.
///
/// # Errors
/// If it cannot be removed.
pub(super) fn tidy(folder: &Folder, configuration: &str) -> io::Result<()> {
    // Names are letters and digits, and stand between slashes or before a quotation mark.
    let named: HashSet<&str> = configuration.split(['/', '"']).collect();
    for place in [PASSWORDS, VIEWS, OWN] {
        for name in folder.names(place)? {
            if !named.contains(name.as_str()) {
                folder.remove(&format!("{place}/{name}"))?;
            }
        }
    }
    Ok(())
}

/// Puts packages before the catalogs that name them, and takes them away after.
fn write_view(
    folder: &Folder,
    repository: &Path,
    name: &str,
    mut pieces: Vec<Piece>,
) -> Result<(), NginxError> {
    pieces.sort_by_key(|piece| match piece.exhibit.kind {
        // It vouches for everything else.
        Kind::Tuf if piece.path.ends_with("timestamp.json") => 2,
        Kind::Catalogs => 1,
        _ => 0,
    });
    let mut outcome = Ok(());
    for piece in &pieces {
        let written = write_piece(folder, repository, name, piece);
        let written = written.map_err(|source| NginxError::Piece {
            path: piece.path.clone(),
            source,
        });
        // One that cannot be had is missing: what was taken back must not stay for its sake.
        outcome = outcome.and(written);
    }
    folder.names(name).map_err(NginxError::Folder)?;
    let kept = pieces.iter().map(|piece| piece.path.as_str()).collect();
    folder.keep_only(name, &kept).map_err(NginxError::Folder)?;
    outcome
}

fn write_piece(folder: &Folder, repository: &Path, name: &str, piece: &Piece) -> io::Result<()> {
    let target = format!("{name}/{}", piece.path);
    match &piece.exhibit.contents {
        Contents::Made(made) => folder.write(&target, made).map(drop),
        Contents::Stored { location } => {
            let source = repository.join(piece.exhibit.kind.as_str()).join(location);
            let source = fs_err::canonicalize(source)?;
            // As it was looked at; a link may have come meanwhile.
            if !source.starts_with(repository) {
                return Err(io::Error::other("it is not in the repository"));
            }
            folder.link(&source, &target)
        }
    }
}

fn write_own(
    folder: &Folder,
    name: &str,
    manifests: &[(String, Vec<u8>)],
) -> Result<(), NginxError> {
    for (manifest, contents) in manifests {
        let target = format!("{name}/{manifest}");
        folder
            .write(&target, contents)
            .map_err(NginxError::Folder)?;
    }
    let kept = manifests.iter().map(|(name, _)| name.as_str()).collect();
    folder.keep_only(name, &kept).map_err(NginxError::Folder)
}

fn slug(guest: &Guest) -> &str {
    &guest.tenant.slug
}
