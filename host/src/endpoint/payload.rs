//! What a notice says: our own few words, or what a forge sends when somebody has pushed.

use serde_json::Value;

use crate::socket::controls::Notice;

/// So many addresses of one repository are compared. No forge names as many.
const MOST: usize = 32;
/// The longest of them.
const LONGEST: usize = 4096;

/// Where GitHub, GitLab, Gitea, Forgejo and Bitbucket say which repository it is; in arrays, all of it.
const ADDRESSES: [&str; 18] = [
    "/repository/clone_url",
    "/repository/ssh_url",
    "/repository/git_url",
    "/repository/html_url",
    "/repository/url",
    "/repository/git_http_url",
    "/repository/git_ssh_url",
    "/repository/homepage",
    "/repository/links/html/href",
    "/repository/links/clone",
    "/project/git_http_url",
    "/project/git_ssh_url",
    "/project/http_url",
    "/project/ssh_url",
    "/project/url",
    "/project/web_url",
    "/repository/links/self",
    "/repository/website",
];

/// Reads it.
///
/// # Errors
/// What names neither an application nor a repository.
pub(super) fn read(body: &[u8]) -> Result<Notice, String> {
    let value: Value = serde_json::from_slice(body).map_err(|error| format!("the body is no JSON: {error}"))?;
    let application = value.get("application").and_then(Value::as_str).map(str::to_owned);
    let mut repositories = Vec::new();
    if let Some(address) = value.get("repository").and_then(Value::as_str) {
        add(&mut repositories, address);
    }
    for at in ADDRESSES.iter().filter_map(|pointer| value.pointer(pointer)) {
        match at {
            Value::String(address) => add(&mut repositories, address),
            Value::Array(links) => links
                .iter()
                .filter_map(|link| link.get("href").and_then(Value::as_str))
                .for_each(|address| add(&mut repositories, address)),
            _ => {}
        }
    }
    if application.is_none() && repositories.is_empty() {
        return Err("say `{\"application\": NAME}`, `{\"repository\": URL}`, or what a forge sends for a push".into());
    }
    Ok(Notice { application, repositories })
}

fn add(repositories: &mut Vec<String>, address: &str) {
    let new = !address.is_empty() && address.len() <= LONGEST && !repositories.iter().any(|other| other == address);
    if new && repositories.len() < MOST {
        repositories.push(address.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::socket::controls::same_repository;

    /// What each forge sends, cut down to what is read and what might be mistaken for it.
    const PUSHES: [(&str, &str); 5] = [
        (
            "GitHub",
            r#"{"ref":"refs/heads/main","after":"1","repository":{"id":1,"name":"site","full_name":"team/site",
            "owner":{"url":"https://api.forge.example/users/team"},"url":"https://forge.example/team/site",
            "html_url":"https://forge.example/team/site","git_url":"git://forge.example/team/site.git",
            "ssh_url":"git@forge.example:team/site.git","clone_url":"https://forge.example/team/site.git","homepage":null},
            "pusher":{"name":"a"},"commits":[]}"#,
        ),
        (
            "GitLab",
            r#"{"object_kind":"push","ref":"refs/heads/main","project_id":15,"project":{"id":15,"name":"site",
            "web_url":"https://forge.example/team/site","git_ssh_url":"git@forge.example:team/site.git",
            "git_http_url":"https://forge.example/team/site.git","path_with_namespace":"team/site"},
            "repository":{"name":"site","url":"git@forge.example:team/site.git","homepage":"https://forge.example/team/site"}}"#,
        ),
        (
            "Gitea",
            r#"{"ref":"refs/heads/main","repository":{"full_name":"team/site","html_url":"https://forge.example/team/site",
            "ssh_url":"git@forge.example:team/site.git","clone_url":"https://forge.example/team/site.git","website":""}}"#,
        ),
        (
            "Bitbucket Cloud",
            r#"{"push":{"changes":[{"new":{"type":"branch","name":"main"}}]},"repository":{"full_name":"team/site",
            "links":{"self":{"href":"https://api.forge.example/2.0/repositories/team/site"},
            "html":{"href":"https://forge.example/team/site"}}}}"#,
        ),
        (
            "Bitbucket Data Center",
            r#"{"eventKey":"repo:refs_changed","repository":{"slug":"site","links":{"clone":[
            {"href":"ssh://git@forge.example:7999/team/site.git","name":"ssh"},
            {"href":"https://forge.example/team/site.git","name":"http"}],
            "self":[{"href":"https://forge.example/projects/TEAM/repos/site/browse"}]}},
            "changes":[{"ref":{"id":"refs/heads/main"}}]}"#,
        ),
    ];

    #[test]
    fn every_forge_names_its_repository() {
        for (forge, push) in PUSHES {
            let notice = read(push.as_bytes()).unwrap();
            for watched in ["https://forge.example/team/site.git", "git@forge.example:team/site"] {
                let found = notice.repositories.iter().any(|address| same_repository(address, watched));
                assert!(found, "{forge}, {watched}: {notice:?}");
            }
            let other =
                notice.repositories.iter().any(|address| same_repository(address, "https://forge.example/team/other"));
            assert!(!other && notice.application.is_none(), "{forge}: {notice:?}");
        }
    }

    #[test]
    fn what_names_nothing_is_refused_and_what_names_too_much_is_cut() {
        for body in
            [r#"{"ref":"refs/heads/main"}"#, r#"{"repository":{"name":"site"}}"#, r#"{"repository":""}"#, "7", "null"]
        {
            assert!(read(body.as_bytes()).is_err(), "{body}");
        }
        let many: Vec<_> = (0..1000).map(|n| format!(r#"{{"href":"https://forge.example/{n}"}}"#)).collect();
        let body = format!(r#"{{"repository":{{"links":{{"clone":[{}]}}}}}}"#, many.join(","));
        assert_eq!(read(body.as_bytes()).unwrap().repositories.len(), MOST);
        let long = format!(r#"{{"repository":"{}"}}"#, "x".repeat(LONGEST + 1));
        assert!(read(long.as_bytes()).is_err());
    }
}
