use super::keep;
use crate::cases::Recording;
use crate::talk::Talk;
use opssight_testkit::{CassetteMode, TestHost, guests};
use serde_json::{Value, json};
use std::fs;

/// A recorded health check, changed like this, and then kept: the problems, and what is in the folder.
async fn kept(change: impl Fn(&mut Value)) -> (Vec<String>, Vec<String>) {
    let desk = tempfile::tempdir().unwrap();
    let (data, folder) = (desk.path().join("host"), desk.path().join("recorded"));
    let package = guests::checking("", "(i32.const 1024)", json!({}));
    let mut recording = Recording::start(&folder).unwrap();
    let path = recording.next_case();
    let host = TestHost::open(&package, &data).await.unwrap().cassette(&path, CassetteMode::Record).unwrap();
    host.check().await.unwrap();
    let mut record: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    change(&mut record);
    fs::write(&path, record.to_string()).unwrap();
    let entry = keep(recording, &package, &data, &mut Talk::to_nobody()).await;
    let files = fs::read_dir(&folder).into_iter().flatten();
    let mut files: Vec<_> = files.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
    files.sort();
    (entry.problems, files)
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_recording_that_plays_the_same_again_is_kept() {
    let (problems, files) = kept(|_| {}).await;
    assert_eq!((problems, files), (vec![], vec!["calls.json".to_owned(), "plugin.wasm".to_owned()]));

    let (problems, files) = kept(|record| record["outcome"]["value"]["summary"] = json!("another day")).await;
    assert!(problems.len() == 1 && files.is_empty(), "{problems:?} {files:?}");
    let expected = "call 1, health: the answer.summary\n  - \"another day\"\n  + \"\"";
    assert_eq!(problems[0], expected);

    let (problems, files) = kept(|record| record["cut"] = json!(["its exchange 3 was too large"])).await;
    assert!(problems.len() == 1 && files.is_empty(), "{problems:?} {files:?}");
    assert!(problems[0].starts_with("call 1, health: failed to replay the call"), "{}", problems[0]);
    assert!(problems[0].ends_with("its exchange 3 was too large"), "{}", problems[0]);
}
