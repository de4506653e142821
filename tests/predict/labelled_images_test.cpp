#include "weightlift/predict/labelled_images.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/refusal.h"
#include "tests/support/temp_dir.h"
#include "weightlift/base/message.h"
#include "weightlift/predict/image_files.h"

namespace weightlift {
namespace {

using ::testing::HasSubstr;
using testing::refusal;
using testing::TempDir;
using testing::write_file;
using Labels = std::vector<std::string>;

constexpr const char* kImage = "P5 1 1 255\nx";

std::vector<std::string> names_of(const LabelledImages& labelled) {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < labelled.images.size(); ++i) {
    names.push_back(labelled.labels[labelled.label_of[i]] + "/" +
                    labelled.images[i].file.filename().string());
  }
  return names;
}

TEST(ImageFilesTest, FindsImagesByContentOrName) {
  const TempDir dir;
  write_file(dir / "b.txt", kImage);
  write_file(dir / "a.pgm", kImage);
  write_file(dir / "c.PNG", "");
  write_file(dir / "d.gif", "GIF89a");
  write_file(dir / "notes.txt", "no image");
  write_file(dir / "sub.png/e.png", kImage);
  write_file(dir / ".hidden.png", kImage);
  std::filesystem::create_symlink("gone", dir / "f.Jpeg");
  std::filesystem::create_symlink("gone", dir / "link");
  const ImageFiles found = find_images(dir.path());
  EXPECT_EQ(found.files,
            (std::vector<std::filesystem::path>{dir / "a.pgm", dir / "b.txt", dir / "c.PNG",
                                                dir / "d.gif", dir / "f.Jpeg"}));
  EXPECT_EQ(found.skipped, 3U);
}

TEST(LabelledImagesTest, ReadsClassFolders) {
  const TempDir dir;
  write_file(dir / "dog/2.pgm", kImage);
  write_file(dir / "dog/1.pgm", kImage);
  write_file(dir / "cat/3.pgm", kImage);
  write_file(dir / "cat/notes.txt", "cats");
  write_file(dir / "README", "pets");
  const LabelledImages found = load_labelled_images(dir.path());
  EXPECT_EQ(names_of(found), (Labels{"cat/3.pgm", "dog/1.pgm", "dog/2.pgm"}));
  EXPECT_EQ(found.skipped, 2U);
}

TEST(ImageFilesTest, FindsImagesBelowInTorchvisionsOrder) {
  const TempDir dir;
  for (const char* name : {"b.pgm", "a/z.pgm", "a/b/c.pgm", "a-b/d.pgm", ".hidden/e.pgm",
                           "a/notes.txt", "empty/notes.txt"}) {
    write_file(dir / "class" / name, std::string_view(name).ends_with("txt") ? "text" : kImage);
  }
  write_file(dir / "elsewhere/f.pgm", kImage);
  std::filesystem::create_directory_symlink(dir / "elsewhere", dir / "class/linked");
  const ImageFiles found = find_images_below(dir / "class");
  std::vector<std::filesystem::path> expected;
  for (const char* name : {"b.pgm", "a/z.pgm", "a-b/d.pgm", "a/b/c.pgm", "linked/f.pgm"}) {
    expected.push_back(dir / "class" / name);
  }
  EXPECT_EQ(found.files, expected);
  EXPECT_EQ(found.skipped, 2U);
}

TEST(ImageFilesTest, SkipsLinksThatLeadBack) {
  const TempDir dir;
  write_file(dir / "class/a/1.pgm", kImage);
  write_file(dir / "other/2.pgm", kImage);
  std::filesystem::create_directory_symlink(dir / "class", dir / "class/a/up");
  std::filesystem::create_directory_symlink(".", dir / "class/self");
  std::filesystem::create_directory_symlink(dir / "other", dir / "class/to");
  std::filesystem::create_directory_symlink(dir / "class", dir / "other/from");
  const ImageFiles found = find_images_below(dir / "class");
  EXPECT_EQ(found.files,
            (std::vector<std::filesystem::path>{dir / "class/a/1.pgm", dir / "class/to/2.pgm"}));
  EXPECT_EQ(found.skipped, 3U);
}

TEST(LabelledImagesTest, ReadsFoldersInClassFolders) {
  const TempDir dir;
  write_file(dir / "dog/images/1.pgm", kImage);
  write_file(dir / "dog/0.pgm", kImage);
  write_file(dir / "cat/by/year/3.pgm", kImage);
  write_file(dir / "none/deep/notes.txt", "none");
  const LabelledImages found = load_labelled_images(dir.path());
  EXPECT_EQ(names_of(found), (Labels{"cat/3.pgm", "dog/0.pgm", "dog/1.pgm"}));
  EXPECT_EQ(found.empty_folders, std::vector{dir / "none"});
  EXPECT_EQ(found.skipped, 1U);
}

TEST(LabelledImagesTest, ReadsACsvFile) {
  const TempDir dir;
  write_file(dir / "list.csv", "file,label\n\"a,1.png\",dog\nsub/b.png,cat\n");
  const LabelledImages found = load_labelled_images(dir / "list.csv");
  EXPECT_EQ(names_of(found), (Labels{"dog/a,1.png", "cat/b.png"}));
  EXPECT_EQ(found.images[1].file, dir / "sub/b.png");
  write_file(dir / "wide.csv", "a.png,dog\nb.png,cat,brown\n");
  EXPECT_THAT(refusal<FormatError>([&] { load_labelled_images(dir / "wide.csv"); }),
              HasSubstr("wide.csv: line 2: expected 2 fields, got 3"));
  write_file(dir / "unnamed.csv", "a.png,dog\n,cat\n");
  EXPECT_THAT(refusal<FormatError>([&] { load_labelled_images(dir / "unnamed.csv"); }),
              HasSubstr("unnamed.csv: line 2: missing file name"));
  write_file(dir / "nul.csv", std::string("a.png\0b,dog\n", 12));
  EXPECT_THAT(refusal<FormatError>([&] { load_labelled_images(dir / "nul.csv"); }),
              HasSubstr("nul.csv: expected UTF-8 text, got a NUL byte"));
  write_file(dir / "tabs.csv", "a.png\tdog\n");
  EXPECT_THAT(refusal<FormatError>([&] { load_labelled_images(dir / "tabs.csv"); }),
              HasSubstr("line 1: expected 2 fields, got 1; advice(separate the fields with "
                        "commas)"));
  write_file(dir / "empty.csv", "file,label\n");
  EXPECT_THAT(refusal<FormatError>([&] { load_labelled_images(dir / "empty.csv"); }),
              HasSubstr("no images listed; advice(write one line file,label per image)"));
}

TEST(LabelledImagesTest, AcceptsOtherNamesOfColumns) {
  const TempDir dir;
  for (const char* header :
       {"File,Label", "filename,class", "file_name,LABEL", "path,target", "Image,Class"}) {
    write_file(dir / "list.csv", std::string(header) + "\na.png,cat\n");
    EXPECT_EQ(names_of(load_labelled_images(dir / "list.csv")), Labels{"cat/a.png"}) << header;
  }
  write_file(dir / "list.csv", "a.png,label\nfile,cat\nfile,label\n");
  EXPECT_EQ(load_labelled_images(dir / "list.csv").images.size(), 3U);
}

TEST(LabelledImagesTest, AcceptsNamedColumnsInAnyOrder) {
  const TempDir dir;
  write_file(dir / "list.csv", "split,Label,width,image_path\nval,dog,3,a.png\nval,cat,4,b.png\n");
  EXPECT_EQ(names_of(load_labelled_images(dir / "list.csv")), (Labels{"dog/a.png", "cat/b.png"}));
  write_file(dir / "list.csv", "split,label,path\nval,dog\n");
  EXPECT_THAT(refusal<FormatError>([&] { load_labelled_images(dir / "list.csv"); }),
              HasSubstr("list.csv: line 2: expected 3 fields, got 2"));
  write_file(dir / "list.csv", "image_id,label\na,dog\n");
  EXPECT_THAT(refusal<FormatError>([&] { load_labelled_images(dir / "list.csv"); }),
              HasSubstr("list.csv: line 1: no column for the file (file, filename, file_name, "
                        "filepath, file_path, path, image, image_path, img); found 2 columns"));
  write_file(dir / "list.csv", "path,species\na,dog\n");
  EXPECT_THAT(refusal<FormatError>([&] { load_labelled_images(dir / "list.csv"); }),
              HasSubstr("line 1: no column for the label (label, class, target, category); "
                        "found 2 columns"));
  write_file(dir / "list.csv", "id,breed\na,dog\n");  // as Kaggle's
  EXPECT_THAT(refusal<FormatError>([&] { load_labelled_images(dir / "list.csv"); }),
              HasSubstr("and the label (label, class, target, category); found 2 columns"));
}

TEST(LabelledImagesTest, FoldersWithoutImagesGiveNoLabel) {
  const TempDir dir;
  write_file(dir / "dog/1.pgm", kImage);
  write_file(dir / "extra/notes.txt", "none");
  const LabelledImages found = load_labelled_images(dir.path());
  EXPECT_EQ(found.labels, Labels{"dog"});
  EXPECT_EQ(found.empty_folders, std::vector{dir / "extra"});
}

TEST(LabelledImagesTest, RefusesPathsWithoutImages) {
  const TempDir dir;
  EXPECT_THAT(refusal<NotFoundError>([&] { load_labelled_images(dir.path()); }),
              HasSubstr("no class folders found; advice(put the images of each class into a folder "
                        "of their own)"));
  write_file(dir / "root/dog/notes.txt", "none");
  write_file(dir / "root/cat/deep/notes.txt", "none");
  EXPECT_THAT(refusal<NotFoundError>([&] { load_labelled_images(dir / "root"); }),
              HasSubstr("no images found in its 2 folders"));
  EXPECT_THAT(refusal<NotFoundError>([&] { load_labelled_images(dir / "none"); }),
              HasSubstr("none: no such file or folder"));
}

}  // namespace
}  // namespace weightlift
