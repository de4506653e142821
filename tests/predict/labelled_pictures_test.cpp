#include "weightlift/predict/labelled_pictures.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/refusal.h"
#include "tests/support/temp_dir.h"
#include "weightlift/base/error.h"
#include "weightlift/predict/picture_files.h"

namespace weightlift {
namespace {

using ::testing::HasSubstr;
using testing::refusal;
using testing::TempDir;
using testing::write_file;
using Labels = std::vector<std::string>;

constexpr const char* kPicture = "P5 1 1 255\nx";

std::vector<std::string> names_of(const LabelledPictures& labelled) {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < labelled.pictures.size(); ++i) {
    names.push_back(labelled.labels[labelled.label_of[i]] + "/" +
                    labelled.pictures[i].file.filename().string());
  }
  return names;
}

TEST(PictureFilesTest, AreToldByContentOrName) {
  const TempDir dir;
  write_file(dir / "b.txt", kPicture);
  write_file(dir / "a.pgm", kPicture);
  write_file(dir / "c.PNG", "");
  write_file(dir / "d.gif", "GIF89a");
  write_file(dir / "notes.txt", "no picture");
  write_file(dir / "sub.png/e.png", kPicture);
  write_file(dir / ".hidden.png", kPicture);
  std::filesystem::create_symlink("gone", dir / "f.Jpeg");
  std::filesystem::create_symlink("gone", dir / "link");
  const PictureFiles found = find_pictures(dir.path());
  EXPECT_EQ(found.files,
            (std::vector<std::filesystem::path>{dir / "a.pgm", dir / "b.txt", dir / "c.PNG",
                                                dir / "d.gif", dir / "f.Jpeg"}));
  EXPECT_EQ(found.passed_over, 3U);
}

TEST(LabelledPicturesTest, OfClassFolders) {
  const TempDir dir;
  write_file(dir / "dog/2.pgm", kPicture);
  write_file(dir / "dog/1.pgm", kPicture);
  write_file(dir / "cat/3.pgm", kPicture);
  write_file(dir / "cat/notes.txt", "cats");
  write_file(dir / "README", "pets");
  const LabelledPictures found = load_labelled_pictures(dir.path());
  EXPECT_EQ(names_of(found), (Labels{"cat/3.pgm", "dog/1.pgm", "dog/2.pgm"}));
  EXPECT_EQ(found.passed_over, 2U);
}

TEST(LabelledPicturesTest, OfACsvFile) {
  const TempDir dir;
  write_file(dir / "list.csv", "file,label\n\"a,1.png\",dog\nsub/b.png,cat\n");
  const LabelledPictures found = load_labelled_pictures(dir / "list.csv");
  EXPECT_EQ(names_of(found), (Labels{"dog/a,1.png", "cat/b.png"}));
  EXPECT_EQ(found.pictures[1].file, dir / "sub/b.png");
  write_file(dir / "wide.csv", "a.png,dog\nb.png,cat,brown\n");
  EXPECT_THAT(refusal<FormatError>([&] { load_labelled_pictures(dir / "wide.csv"); }),
              HasSubstr("wide.csv: line 2: expected file,label, got 3 fields"));
  write_file(dir / "unnamed.csv", "a.png,dog\n,cat\n");
  EXPECT_THAT(refusal<FormatError>([&] { load_labelled_pictures(dir / "unnamed.csv"); }),
              HasSubstr("unnamed.csv: line 2: expected a file's name, got none"));
  write_file(dir / "nul.csv", std::string("a.png\0b,dog\n", 12));
  EXPECT_THAT(refusal<FormatError>([&] { load_labelled_pictures(dir / "nul.csv"); }),
              HasSubstr("nul.csv: expected UTF-8 text, got a NUL byte"));
  write_file(dir / "tabs.csv", "a.png\tdog\n");
  EXPECT_THAT(refusal<FormatError>([&] { load_labelled_pictures(dir / "tabs.csv"); }),
              HasSubstr("line 1: expected file,label, got 1 field; they are separated by commas"));
  write_file(dir / "empty.csv", "file,label\n");
  EXPECT_THAT(refusal<FormatError>([&] { load_labelled_pictures(dir / "empty.csv"); }),
              HasSubstr("expected lines of file,label, got none"));
}

TEST(LabelledPicturesTest, AHeaderMayNameItsColumnsOtherwise) {
  const TempDir dir;
  for (const char* header :
       {"File,Label", "filename,class", "file_name,LABEL", "path,target", "Image,Class"}) {
    write_file(dir / "list.csv", std::string(header) + "\na.png,cat\n");
    EXPECT_EQ(names_of(load_labelled_pictures(dir / "list.csv")), Labels{"cat/a.png"}) << header;
  }
  write_file(dir / "list.csv", "a.png,label\nfile,cat\nfile,label\n");
  EXPECT_EQ(load_labelled_pictures(dir / "list.csv").pictures.size(), 3U);
}

TEST(LabelledPicturesTest, NamedColumnsMayStandAnywhere) {
  const TempDir dir;
  write_file(dir / "list.csv", "split,Label,width,image_path\nval,dog,3,a.png\nval,cat,4,b.png\n");
  EXPECT_EQ(names_of(load_labelled_pictures(dir / "list.csv")), (Labels{"dog/a.png", "cat/b.png"}));
  write_file(dir / "list.csv", "split,label,path\nval,dog\n");
  EXPECT_THAT(refusal<FormatError>([&] { load_labelled_pictures(dir / "list.csv"); }),
              HasSubstr("list.csv: line 2: expected 3 fields, got 2 fields"));
  write_file(dir / "list.csv", "image_id,label\na,dog\n");
  EXPECT_THAT(refusal<FormatError>([&] { load_labelled_pictures(dir / "list.csv"); }),
              HasSubstr("list.csv: line 1: expected one of file, filename, file_name, filepath, "
                        "file_path, path, image, image_path, img among the names of the columns"));
  write_file(dir / "list.csv", "path,species\na,dog\n");
  EXPECT_THAT(refusal<FormatError>([&] { load_labelled_pictures(dir / "list.csv"); }),
              HasSubstr("line 1: expected one of label, class, target, category among the names"));
}

TEST(LabelledPicturesTest, FoldersWithoutPicturesNameNoClass) {
  const TempDir dir;
  write_file(dir / "dog/1.pgm", kPicture);
  write_file(dir / "extra/notes.txt", "none");
  const LabelledPictures found = load_labelled_pictures(dir.path());
  EXPECT_EQ(found.labels, Labels{"dog"});
  EXPECT_EQ(found.empty_folders, std::vector{dir / "extra"});
}

TEST(LabelledPicturesTest, NothingThereIsRefused) {
  const TempDir dir;
  EXPECT_THAT(refusal<IoError>([&] { load_labelled_pictures(dir.path()); }),
              HasSubstr("expected a folder with pictures for each class, got no folder"));
  write_file(dir / "root/train/dog/1.pgm", kPicture);
  write_file(dir / "root/val/dog/1.pgm", kPicture);
  EXPECT_THAT(refusal<IoError>([&] { load_labelled_pictures(dir / "root"); }),
              HasSubstr("got 2 folders without pictures; is it one of them, such as " +
                        (dir / "root/train").string() + "?"));
  EXPECT_THAT(refusal<IoError>([&] { load_labelled_pictures(dir / "none"); }),
              HasSubstr("none: no such file or folder"));
}

}  // namespace
}  // namespace weightlift
